import { onBeforeUnmount, shallowRef, watch, type Ref } from 'vue'
import type { EvaluatedSplit } from '../../shared/domain/evaluation'
import { hasEnded } from '../../shared/domain/lifecycle'
import type { MapMethod, UserMap, UsersTable } from '../../shared/domain/users'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'

/** What is asked for: a run's users of a split. */
export interface UsersPlace {
  run: string | undefined
  split: EvaluatedSplit
}

/** The users of a split of a run, and their map. An answer to an earlier question is dropped. */
export function useUsers(place: Ref<UsersPlace>, method: Ref<MapMethod>) {
  const table = shallowRef<UsersTable>()
  const map = shallowRef<UserMap>()
  const failure = shallowRef<AppError>()
  const loading = shallowRef(false)
  const mapFailure = shallowRef<AppError>()
  let asking = 0
  let drawing = 0

  async function load(): Promise<void> {
    const number = ++asking
    drawing++
    const { run: id, split } = place.value
    table.value = undefined
    map.value = undefined
    failure.value = undefined
    loading.value = id !== undefined
    if (id === undefined) return
    try {
      const found = await client.request('users.table', { id, split })
      if (number !== asking) return
      table.value = found
      loading.value = false
    } catch (thrown) {
      if (number !== asking) return
      loading.value = false
      failure.value = AppError.from(thrown)
      return
    }
    await draw()
  }

  /** The table stands without its map. */
  async function draw(): Promise<void> {
    const number = ++drawing
    const { run: id, split } = place.value
    map.value = undefined
    mapFailure.value = undefined
    if (id === undefined) return
    try {
      const drawn = await client.request('users.map', { id, split, method: method.value })
      if (number === drawing) map.value = drawn
    } catch (thrown) {
      if (number === drawing) mapFailure.value = AppError.from(thrown)
    }
  }

  watch([() => place.value.run, () => place.value.split], () => void load(), { immediate: true })
  watch(method, () => {
    if (table.value) void draw()
  })
  // A run that was resumed predicts otherwise when it has ended again.
  onBeforeUnmount(
    client.on('run.status', ({ runId, status }) => {
      if (runId === place.value.run && hasEnded(status)) void load()
    }),
  )
  return { table, map, mapFailure, failure, loading, reload: () => void load() }
}
