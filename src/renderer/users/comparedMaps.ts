import type { UserMap, UsersTable } from '../../shared/domain/users'
import { procrustes, type Points } from '../../shared/procrustes'
import { percent } from '../datasets/format'
import { peopleOf, type Person } from './people'
import type { ScatterAxis } from './scatterOption'

/** A user on the map of one run. The same user has the same key in another, whether the id is a number or its text. */
export interface MappedUser {
  key: string
  person: Person
  x: number
  y: number
}

export interface MapOfRun {
  users: MappedUser[]
  map: UserMap
}

export interface ComparedMapPair {
  a: MapOfRun
  /** Aligned to a where `disparity` is a number. */
  b: MapOfRun
  /** Keys of users who are on both maps. */
  shared: string[]
  /** Of the aligned maps, see `procrustes`; null where they are not. */
  disparity: number | null
}

/** Of fewer points any two maps are alike. */
const LEAST_SHARED = 3

/** Two maps as they are compared: those of a method with axes lie on each other as well as they can. */
export function alignedMaps(
  first: { table: UsersTable; map: UserMap },
  second: { table: UsersTable; map: UserMap },
): ComparedMapPair {
  const a = { users: mapped(first), map: first.map }
  const b = { users: mapped(second), map: second.map }
  const placeOf = new Map(b.users.map((user) => [user.key, user]))
  const both = a.users.flatMap((one) => {
    const other = placeOf.get(one.key)
    return other ? [{ one, other }] : []
  })
  const shared = both.map(({ one }) => one.key)
  if (a.map.explained === null || shared.length < LEAST_SHARED) return { a, b, shared, disparity: null }
  const points = (users: readonly MappedUser[]): Points => ({ x: users.map(({ x }) => x), y: users.map(({ y }) => y) })
  const found = procrustes(points(both.map(({ one }) => one)), points(both.map(({ other }) => other)))
  if (!found) return { a, b, shared, disparity: null }
  const users = b.users.map((user) => {
    const [x, y] = found.apply(user.x, user.y)
    return { ...user, x, y }
  })
  return { a, b: { ...b, users }, shared, disparity: found.disparity }
}

function mapped({ table, map }: { table: UsersTable; map: UserMap }): MappedUser[] {
  const people = peopleOf(table.users)
  return map.users.flatMap((place, at) => {
    const person = people[place]
    return person ? [{ key: String(person.u_id), person, x: map.x[at] ?? 0, y: map.y[at] ?? 0 }] : []
  })
}

/** Aligned maps are drawn in one frame; others each in their own. */
export function axesOf({ a, b, disparity }: ComparedMapPair): Record<'a' | 'b', { x: ScatterAxis; y: ScatterAxis }> {
  const share = ({ map }: MapOfRun, at: 0 | 1): string =>
    map.explained ? `PC ${at + 1}, ${percent(map.explained[at])} of variance` : `UMAP ${at + 1}`
  const named = (of: MapOfRun) => ({ x: { name: share(of, 0) }, y: { name: share(of, 1) } })
  if (disparity === null) return { a: named(a), b: named(b) }
  const all = [...a.users, ...b.users]
  const frame = { x: around(all.map(({ x }) => x)), y: around(all.map(({ y }) => y)) }
  const own = named(a)
  return {
    a: { x: { ...own.x, ...frame.x }, y: { ...own.y, ...frame.y } },
    b: { x: { name: 'along PC 1 of A', ...frame.x }, y: { name: 'along PC 2 of A', ...frame.y } },
  }
}

/** Intervals of which an axis has about this many. */
const INTERVALS = 4

/** An axis that holds these values, with ends that are ticks. */
function around(values: readonly number[]): { min: number; max: number; interval: number } {
  const [low, high] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Infinity, -Infinity],
  )
  const rough = (high - low || 1) / INTERVALS
  const unit = 10 ** Math.floor(Math.log10(rough))
  const interval = unit * ([1, 2, 5].find((step) => step * unit >= rough) ?? 10)
  const round = (value: number): number => Number((value * interval).toPrecision(12))
  return { min: round(Math.floor(low / interval)), max: round(Math.ceil(high / interval)), interval }
}

/** Share of the pairs of some users that a run has right; null where they have none there. */
export function rightOf(users: readonly MappedUser[], among: ReadonlySet<string>): number | null {
  const these = users.filter(({ key }) => among.has(key))
  const pairs = these.reduce((sum, { person }) => sum + person.pairs, 0)
  return pairs === 0 ? null : these.reduce((sum, { person }) => sum + person.right, 0) / pairs
}
