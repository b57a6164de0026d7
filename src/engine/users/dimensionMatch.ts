import { createHash } from 'node:crypto'
import type { DimensionMatch, DimensionProfile } from '../../shared/domain/dimensionMatch'
import type { UserId } from '../../shared/domain/dataset'
import { AppError } from '../../shared/errors'
import { leastCostAssignment } from '../statistics/assignment'
import { pearson } from '../statistics/ranks'
import type { AnswerLoads } from './answerLoads'
import type { UserVectors } from './userVectors'

/** Of each: a correlation over as many has a standard error of 0.014 at most. */
const MOST = 5_000
/** Of fewer a correlation says nothing. */
const LEAST_SHARED = 3

/**
 * What a run's dimensions are to its users and to the answers of a split. Where there are many, those with the smallest hashes stand for all, so
 * that two runs choose the same.
 *
 * @param textAt the text in a row of the split's table
 */
export function dimensionProfile(
  model_name: string,
  ids: readonly UserId[],
  users: UserVectors | null,
  answers: AnswerLoads | null,
  textAt: (row: number) => string,
): DimensionProfile {
  const K = users?.dimensions ?? 0
  if (!users || !answers || K === 0) return { model_name, dimensions: 0, users: [], values: [], texts: [], loads: [] }
  const rowsOf = (values: ArrayLike<number>, places: readonly number[]): number[] =>
    places.flatMap((place) => Array.from({ length: K }, (_, k) => values[place * K + k]!))
  const people = smallest(Array.from({ length: users.values.length / K }, (_, at) => nameOf(String(ids[at]))))
  const texts = smallest(Array.from(answers.rows, (row) => nameOf(textAt(row))))
  return {
    ...{ model_name, dimensions: K },
    users: people.map(({ place }) => ids[place]!),
    values: rowsOf(
      users.values,
      people.map(({ place }) => place),
    ),
    texts: texts.map(({ name }) => name),
    loads: rowsOf(
      answers.loads,
      texts.map(({ place }) => place),
    ),
  }
}

const nameOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16)

/** Each name once. */
function smallest(names: readonly string[]): { name: string; place: number }[] {
  const first = new Map<string, number>()
  for (const [place, name] of names.entries()) if (!first.has(name)) first.set(name, place)
  return [...first]
    .map(([name, place]) => ({ name, place }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, MOST)
}

/**
 * Dimensions of two runs, one to one: those whose users and whose answers vary alike.
 *
 * @throws AppError `usage` for models of two kinds, ones without dimensions, and runs that share neither users nor texts
 */
export function dimensionMatch(a: DimensionProfile, b: DimensionProfile): DimensionMatch {
  if (a.model_name !== b.model_name)
    throw new AppError('usage', `Dimensions of ${a.model_name} and of ${b.model_name} stand for different things`, {
      fix: 'Compare two runs of the same model.',
    })
  if (a.dimensions === 0 || b.dimensions === 0)
    throw new AppError('usage', `${a.model_name} is the same for everybody: it has no dimensions`)
  const users = sharedRows(a.users.map(String), b.users.map(String))
  const texts = sharedRows(a.texts, b.texts)
  const correlations = {
    users: correlate({ ...a, rows: a.values }, { ...b, rows: b.values }, users),
    texts: correlate({ ...a, rows: a.loads }, { ...b, rows: b.loads }, texts),
  }
  const known = [correlations.users, correlations.texts].filter((one) => one !== null)
  if (known.length === 0)
    throw new AppError('usage', 'These runs have fewer than three users and three texts in common', {
      fix: 'Compare runs on the same data.',
    })
  const likeness = Array.from({ length: a.dimensions }, (_, i) =>
    Array.from(
      { length: b.dimensions },
      (__, j) => known.reduce((sum, matrix) => sum + (matrix[i]?.[j] ?? 0), 0) / known.length,
    ),
  )
  const costs = likeness.map((row) => row.map((value) => -Math.abs(value)))
  return {
    ...{ users: users.length, texts: texts.length, correlations, likeness },
    pairs: leastCostAssignment(costs).map(([from, to]) => ({ a: from, b: to })),
  }
}

/** Places in both lists of what stands in both. */
function sharedRows(a: readonly string[], b: readonly string[]): [number, number][] {
  const there = new Map(b.map((name, place) => [name, place]))
  return a.flatMap((name, place): [number, number][] => {
    const other = there.get(name)
    return other === undefined ? [] : [[place, other]]
  })
}

interface Rows {
  dimensions: number
  /** [rows, dimensions] */
  rows: readonly number[]
}

function correlate(a: Rows, b: Rows, shared: readonly [number, number][]): (number | null)[][] | null {
  if (shared.length < LEAST_SHARED) return null
  const columns = ({ dimensions, rows }: Rows, side: 0 | 1): Float64Array[] =>
    Array.from({ length: dimensions }, (_, k) => Float64Array.from(shared, (at) => rows[at[side] * dimensions + k]!))
  const others = columns(b, 1)
  return columns(a, 0).map((x) =>
    others.map((y) => {
      const r = pearson(x, y)
      return Number.isFinite(r) ? r : null
    }),
  )
}
