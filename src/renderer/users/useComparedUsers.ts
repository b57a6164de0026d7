import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import type { EvaluatedSplit, Evaluation } from '../../shared/domain/evaluation'
import type { UsersTable } from '../../shared/domain/users'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'

/** What one run says of a split; undefined while it is being asked. */
export interface RunOfUsers {
  id: string
  table: UsersTable | AppError | undefined
  evaluation: Evaluation | null | undefined
}

/**
 * Users and evaluations of several runs. Runs are asked one after the other: each takes an engine, which reads the run's data. What is known of
 * a run stays while others come, go, or change places.
 */
export function useComparedUsers(ids: Ref<readonly string[]>, split: Ref<EvaluatedSplit>) {
  const runs = shallowRef<readonly RunOfUsers[]>([])
  let asking = 0
  let known: EvaluatedSplit | undefined

  async function load(): Promise<void> {
    const number = ++asking
    const before = new Map(known === split.value ? runs.value.map((run) => [run.id, run]) : [])
    known = split.value
    runs.value = ids.value.map((id) => {
      const { table, evaluation } = before.get(id) ?? {}
      return { id, table: table instanceof AppError ? undefined : table, evaluation }
    })
    const missing = (what: 'table' | 'evaluation'): string[] =>
      runs.value.flatMap((run) => (run[what] === undefined ? [run.id] : []))
    const put = (id: string, told: Partial<RunOfUsers>): void => {
      runs.value = runs.value.map((one) => (one.id === id ? { ...one, ...told } : one))
    }
    for (const id of missing('evaluation')) {
      const asked = { id, split: split.value }
      const evaluation = await client.request('runs.evaluation', asked).then(
        (answer) => answer.evaluation,
        () => null,
      )
      if (number !== asking) return
      put(id, { evaluation })
    }
    for (const id of missing('table')) {
      const table = await client.request('users.table', { id, split: split.value }).catch(AppError.from)
      if (number !== asking) return
      put(id, { table })
    }
  }

  watch([() => ids.value.join(), split], () => void load(), { immediate: true })
  onScopeDispose(() => asking++)
  return runs
}
