import { onBeforeUnmount, shallowRef, watch, type Ref } from 'vue'
import type { RequestInput } from '../../shared/api/requests'
import type { PairedResult } from '../../shared/domain/compare'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { useComparisonView } from '../stores/comparison'

export type PairedQuestion = Omit<RequestInput<'compare.paired'>, 'ticket'>

export type PairedState =
  | { kind: 'none' }
  | { kind: 'working'; done: number; total: number }
  | { kind: 'known'; result: PairedResult }
  | { kind: 'cancelled' }
  | { kind: 'failed'; error: AppError }

/** One page, one question at a time. */
const TICKET = `paired-${Math.random().toString(36).slice(2)}`
const ANSWERS_KEPT = 20

/**
 * Differences from the reference on the same pairs, computed in an engine as soon as they are asked for; what nobody looks at any more
 * is ended.
 *
 * @param stamp changes with what the answer depends on besides the question: how the runs stand
 */
export function usePaired(question: Ref<PairedQuestion | undefined>, stamp: Ref<string>) {
  const { answers } = useComparisonView()
  const state = shallowRef<PairedState>({ kind: 'none' })
  let asked = 0

  async function ask(again = false): Promise<void> {
    const own = ++asked
    const query = question.value
    if (!query) {
      if (state.value.kind === 'working') end()
      state.value = { kind: 'none' }
      return
    }
    const key = `${JSON.stringify(query)} ${stamp.value}`
    const known = again ? undefined : answers.get(key)
    if (known) {
      if (state.value.kind === 'working') end()
      state.value = { kind: 'known', result: known }
      return
    }
    state.value = { kind: 'working', done: 0, total: query.others.length }
    try {
      const result = await client.request('compare.paired', { ...query, ticket: TICKET })
      answers.set(key, result)
      const [oldest] = answers.keys()
      if (answers.size > ANSWERS_KEPT && oldest !== undefined) answers.delete(oldest)
      if (own === asked) state.value = { kind: 'known', result }
    } catch (thrown) {
      if (own !== asked) return
      const error = AppError.from(thrown)
      state.value = error.code === 'stopped' ? { kind: 'cancelled' } : { kind: 'failed', error }
    }
  }

  function end(): void {
    void client.request('compare.cancel', { ticket: TICKET }).catch(() => undefined)
  }

  watch([() => JSON.stringify(question.value), stamp], () => void ask(), { immediate: true })
  const undo = client.on('compare.work', ({ ticket, done, total }) => {
    if (ticket === TICKET && state.value.kind === 'working') state.value = { kind: 'working', done, total }
  })
  onBeforeUnmount(() => {
    undo()
    asked++
    if (state.value.kind === 'working') end()
  })
  return { state, again: () => void ask(true), cancel: end }
}
