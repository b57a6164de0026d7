import { onBeforeUnmount, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'

export type AnswerState<Answer> =
  | { kind: 'none' }
  | { kind: 'working'; done: number; total: number }
  | { kind: 'known'; result: Answer }
  | { kind: 'cancelled' }
  | { kind: 'failed'; error: AppError }

const ANSWERS_KEPT = 20
let tickets = 0

/**
 * An answer that takes an engine some time: asked for as soon as there is a question, with its progress; what nobody looks at any more is
 * ended, and what is known is not asked again.
 *
 * @param answers those that are known, by their questions, the oldest first
 * @param routes whose `cancel` and `work` it hears: those that `request` is one of
 * @param stamp changes with what the answer depends on besides the question
 */
export function useLongAnswer<Question, Answer>(
  question: Ref<Question | undefined>,
  stamp: Ref<string>,
  answers: Map<string, Answer>,
  request: (question: Question, ticket: string) => Promise<Answer>,
  routes: 'compare' | 'users' = 'compare',
): { state: ShallowRef<AnswerState<Answer>>; again: () => void; cancel: () => void } {
  const ticket = `page-${++tickets}-${Math.random().toString(36).slice(2)}`
  const state: ShallowRef<AnswerState<Answer>> = shallowRef({ kind: 'none' })
  let asked = 0

  async function ask(again = false): Promise<void> {
    const own = ++asked
    const now = question.value
    const key = `${JSON.stringify(now)} ${stamp.value}`
    const known = again ? undefined : answers.get(key)
    if (now === undefined || known !== undefined) {
      if (state.value.kind === 'working') end()
      state.value = known === undefined ? { kind: 'none' } : { kind: 'known', result: known }
      return
    }
    state.value = { kind: 'working', done: 0, total: 0 }
    try {
      const result = await request(now, ticket)
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
    void client.request(`${routes}.cancel`, { ticket }).catch(() => undefined)
  }

  watch([() => JSON.stringify(question.value), stamp], () => void ask(), { immediate: true })
  const undo = client.on(`${routes}.work`, ({ ticket: whose, done, total }) => {
    if (whose === ticket && state.value.kind === 'working') state.value = { kind: 'working', done, total }
  })
  onBeforeUnmount(() => {
    undo()
    asked++
    if (state.value.kind === 'working') end()
  })
  return { state, again: () => void ask(true), cancel: end }
}
