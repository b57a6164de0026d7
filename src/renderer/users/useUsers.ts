import { onBeforeUnmount, shallowRef, watch, type Ref } from 'vue'
import type { EvaluatedSplit } from '../../shared/domain/evaluation'
import { hasEnded } from '../../shared/domain/lifecycle'
import type { UserMap, UsersTable } from '../../shared/domain/users'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { useWorkspace } from '../stores/workspace'

/** What is asked for: a run's users of a split. */
export interface UsersPlace {
  run: string | undefined
  split: EvaluatedSplit
}

/** The users of a split of a run, and their map. An answer to an earlier question is dropped. */
export function useUsers(place: Ref<UsersPlace>) {
  const table = shallowRef<UsersTable>()
  const map = shallowRef<UserMap>()
  const failure = shallowRef<AppError>()
  const loading = shallowRef(false)
  let asking = 0

  async function load(): Promise<void> {
    const number = ++asking
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
    try {
      const drawn = await client.request('users.map', { id, split, method: 'pca' })
      if (number === asking) map.value = drawn
    } catch (thrown) {
      // The table stands without its map.
      if (number === asking) useWorkspace().report(thrown)
    }
  }

  watch([() => place.value.run, () => place.value.split], () => void load(), { immediate: true })
  // A run that was resumed predicts otherwise when it has ended again.
  onBeforeUnmount(
    client.on('run.status', ({ runId, status }) => {
      if (runId === place.value.run && hasEnded(status)) void load()
    }),
  )
  return { table, map, failure, loading, reload: () => void load() }
}
