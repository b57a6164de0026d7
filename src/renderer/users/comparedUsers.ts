import type { UserId } from '../../shared/domain/dataset'
import type { UsersTable } from '../../shared/domain/users'

/** One user in several runs. */
export interface ComparedUser {
  u_id: UserId
  pairs: number
  /** By run, in their order: accuracy; null where the run has no such user. */
  accuracies: readonly (number | null)[]
}

/** Users of all tables, those of the first one first. The same user has the same id, whether it is a number or its text. */
export function comparedUsers(tables: readonly UsersTable[]): ComparedUser[] {
  const found = new Map<string, { u_id: UserId; pairs: number; accuracies: (number | null)[] }>()
  for (const [at, { users }] of tables.entries())
    for (const { u_id, pairs, right } of users) {
      const key = String(u_id)
      const one = found.get(key) ?? { u_id, pairs, accuracies: tables.map(() => null) }
      one.accuracies[at] = right / pairs
      found.set(key, one)
    }
  return [...found.values()]
}

/** A run's place, or what every run shares. */
export interface ComparedSort {
  by: 'user' | 'pairs' | number
  descending: boolean
}

const collator = new Intl.Collator('en', { numeric: true })

/** By a run other than the first: by its difference to the first, which is what the comparison is about. */
export function sortedUsers(users: readonly ComparedUser[], { by, descending }: ComparedSort): ComparedUser[] {
  const sign = descending ? -1 : 1
  const valueOf = (user: ComparedUser): number | null => {
    if (by === 'pairs') return user.pairs
    return by === 'user' ? null : by === 0 ? (user.accuracies[0] ?? null) : differenceOf(user, by)
  }
  return users.toSorted((one, other) => {
    if (by === 'user') return sign * collator.compare(String(one.u_id), String(other.u_id))
    const [a, b] = [valueOf(one), valueOf(other)]
    if (a === null || b === null) return Number(a === null) - Number(b === null)
    return sign * (a - b)
  })
}

/** Accuracy of a run less that of the first; null where one of them does not know the user. */
export function differenceOf({ accuracies }: ComparedUser, run: number): number | null {
  const [first, own] = [accuracies[0] ?? null, accuracies[run] ?? null]
  return first === null || own === null ? null : own - first
}
