import { shallowRef, watch, type Ref } from 'vue'
import type { RequestOutput } from '../../shared/api/requests'
import type { ExplainedPair } from '../../shared/domain/users'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import type { UsersPlace } from './useUsers'

/**
 * One user of a split of a run, and the pair that is looked at. Answers to earlier questions are dropped.
 *
 * @param wanted the pair to begin with, where the user has it
 */
export function useUser(
  place: Ref<UsersPlace>,
  id: Ref<string>,
  row: Ref<number | undefined>,
  wanted: () => number | undefined,
) {
  const user = shallowRef<RequestOutput<'users.one'>>()
  const pair = shallowRef<ExplainedPair>()
  const failure = shallowRef<AppError>()
  let asking = 0
  let asked = 0

  async function load(): Promise<void> {
    const number = ++asking
    // A pair of the user before may still be on its way.
    asked++
    const { run, split } = place.value
    user.value = undefined
    pair.value = undefined
    failure.value = undefined
    if (run === undefined) return
    try {
      const found = await client.request('users.one', { id: run, split, user: id.value })
      if (number !== asking) return
      user.value = found
      const first = wanted()
      row.value = found.pairs.some((one) => one.row === first) ? first : found.pairs[0]?.row
    } catch (thrown) {
      if (number === asking) failure.value = AppError.from(thrown)
    }
  }

  async function loadPair(): Promise<void> {
    const number = ++asked
    const { run, split } = place.value
    // Before the user is there, the row is that of the one before.
    if (run === undefined || row.value === undefined || !user.value) return
    try {
      const found = await client.request('users.pair', { id: run, split, row: row.value })
      // The last pair stays until the next is there: nothing flickers.
      if (number === asked) pair.value = found
    } catch (thrown) {
      if (number === asked) failure.value = AppError.from(thrown)
    }
  }

  watch([() => place.value.run, () => place.value.split, id], () => void load(), { immediate: true })
  watch([row, user], () => void loadPair())
  return { user, pair, failure, reload: () => void load() }
}
