import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { evaluationSchema, type Evaluation } from '../../shared/domain/evaluation'
import { intervalsOverUsers } from '../statistics/resample'
import { rightOf, SplitEvaluator, type SplitToEvaluate } from './evaluateSplit'
import { perUser, splitUsers } from './splitUsers'

const numbers = z.array(z.number())
const figures = ['accuracy', 'user_accuracy', 'nll', 'brier'] as const
const sklearn = z
  .object({
    cases: z.array(
      z.object({
        users: numbers,
        z: numbers,
        accuracy: z.number(),
        user_accuracy: z.number(),
        worst_decile: z.number(),
        nll: z.number(),
        brier: z.number(),
        auc: z.number(),
        ece: z.number(),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, 'sklearnReference.json'), 'utf8')))

/** Pairs of these users about prompt 0, each of other answers unless they are given. */
function evaluate(
  users: readonly number[],
  margins: readonly number[],
  change: Partial<SplitToEvaluate> = {},
): Evaluation {
  const pairs = users.length
  const rows = (value: (row: number) => number): Int32Array =>
    Int32Array.from({ length: pairs }, (_, row) => value(row))
  const evaluator = new SplitEvaluator({
    split: {
      name: 'test',
      pairs,
      users: Int32Array.from(users),
      prompts: rows(() => 0),
      chosen: rows((row) => 2 * row + 1),
      rejected: rows((row) => 2 * row + 2),
    },
    trainedUsers: 100,
    promptSeen: new Uint8Array(pairs),
    rivals: [],
    categories: [],
    resamples: 300,
    ...change,
  })
  const run = {
    rivals: [],
    leak: { leaks: false, acc_shift: 0, max_difference: 0 },
    checkpoint: { name: 'best' as const, epochs: 3, steps: 12 },
  }
  // What is worked out once for all runs must not keep anything of one.
  evaluator.evaluate({ ...run, z: Float32Array.from(margins, (margin) => 0.5 - margin) })
  return evaluator.evaluate({ ...run, z: Float32Array.from(margins) })
}

test.each(sklearn.cases.map((one) => ({ ...one, n: one.z.length })))(
  'a figure is not what scikit-learn makes of the same $n pairs',
  (expected) => {
    const found = evaluate(expected.users, expected.z)
    expect(evaluationSchema.parse(JSON.parse(JSON.stringify(found)))).toEqual(found)
    for (const name of figures) expect(found[name]?.value, name).toBeCloseTo(expected[name], 10)
    expect(found.worst_decile.accuracy?.value).toBeCloseTo(expected.worst_decile, 12)
    expect(found.auc).toBeCloseTo(expected.auc, 12)
    expect(found.calibration.ece).toBeCloseTo(expected.ece, 12)
    expect(found.calibration.bins.reduce((sum, { pairs }) => sum + pairs, 0)).toBe(expected.z.length)
    for (const name of figures) {
      const figure = found[name]!
      expect(figure.low).toBeLessThan(figure.value)
      expect(figure.high).toBeGreaterThan(figure.value)
    }
  },
)

test('intervals are not those of the bootstrap over users', () => {
  const { users, z: margins } = sklearn.cases[0]!
  const by = splitUsers(Int32Array.from(users))
  const right = rightOf(Float32Array.from(margins))
  const numerator = perUser(by, (row) => right[row]!)
  const [pairs, own] = intervalsOverUsers(
    [
      { numerator, denominator: by.pairs },
      { numerator: numerator.map((sum, user) => sum / by.pairs[user]!), denominator: by.pairs.map(() => 1) },
    ],
    { resamples: 300, seed: 0 },
  )
  const found = evaluate(users, margins)
  expect(found.accuracy).toEqual(pairs)
  expect(found.user_accuracy?.low).toBeCloseTo(own!.low, 12)
  expect(found.user_accuracy?.high).toBeCloseTo(own!.high, 12)
})

describe('a comparison', () => {
  const users = [5, 5, 5, 7, 7, 9]
  const margins = [1, 2, -1, 3, -2, 1]

  test('is over pairs on which the other cannot be asked, or its difference is not of the same pairs', () => {
    const right = Float64Array.of(1, 0, NaN, 0.5, 0, NaN)
    const { comparisons } = evaluate(users, margins, { rivals: [{ name: 'majority', right }] })
    expect(comparisons).toMatchObject([{ name: 'majority', pairs: 4, users: 2, nll: null }])
    expect(comparisons[0]!.accuracy?.value).toBe(1.5 / 4)
    expect(comparisons[0]!.difference?.value).toBe((0 + 1 + 0.5 + 0) / 4)
    expect(comparisons[0]!.user_accuracy?.value).toBe((0.5 + 0.25) / 2)
    expect(comparisons[0]!.user_difference?.value).toBe((0.5 + 0.25) / 2)
  })

  test('with shuffled users does not say whether the user vector is used', () => {
    const shuffled = Float32Array.of(-1, -1, -1, 1, 1, 1)
    const found = evaluate(users, margins, {
      rivals: [{ name: 'shuffled_users', right: rightOf(shuffled), z: shuffled }],
    })
    expect(found.user_vector).toEqual(found.comparisons[0]!.difference)
    expect(found.user_vector?.value).toBeCloseTo(4 / 6 - 3 / 6, 12)
    expect(evaluate(users, margins).user_vector).toBeNull()
  })
})

test('cells mix known and new people or prompts', () => {
  const { cells, known_users } = evaluate([1, 1, 2, 2, 2], [1, -1, 1, 1, 1], {
    trainedUsers: 2,
    promptSeen: Uint8Array.of(1, 0, 0, 0, 0),
  })
  expect(known_users).toBe(1)
  expect(
    cells.map(({ user, prompt, pairs, users, accuracy }) => [user, prompt, pairs, users, accuracy?.value]),
  ).toEqual([
    ['seen', 'seen', 1, 1, 1],
    ['seen', 'unseen', 1, 1, 0],
    ['unseen', 'seen', 0, 0, undefined],
    ['unseen', 'unseen', 3, 1, 1],
  ])
})

test('slices hold the wrong pairs, or their lift is not over bt', () => {
  const bt = Float32Array.of(-1, 1, 1, 1)
  const { slices } = evaluate([1, 1, 2, 2], [1, -1, 1, 1], {
    categories: [{ column: 'topic', values: ['food', 'music'], of: Int32Array.of(0, 0, 1, -1) }],
    rivals: [{ name: 'bt', right: rightOf(bt), z: bt }],
  })
  expect(slices).toMatchObject([
    {
      column: 'topic',
      values: [
        { value: 'food', pairs: 2, users: 1, accuracy: { value: 0.5 }, lift: { value: 0 } },
        { value: 'music', pairs: 1, users: 1, accuracy: { value: 1 }, lift: { value: 0 } },
      ],
    },
  ])
})

describe("Kendall's τ", () => {
  const order = (chosen: number[], rejected: number[], margins: number[], users = chosen.map(() => 1)): Evaluation =>
    evaluate(users, margins, {
      split: {
        name: 'test',
        pairs: chosen.length,
        users: Int32Array.from(users),
        prompts: new Int32Array(chosen.length),
        chosen: Int32Array.from(chosen),
        rejected: Int32Array.from(rejected),
      },
    })

  test('is not 1 where the model has the order of a user who compared neighbours alone', () => {
    expect(order([1, 2, 3], [2, 3, 4], [1, 1, 1]).kendall).toMatchObject({ users: 1, rankings: 1, tau: { value: 1 } })
  })

  test('does not see two of three answers the wrong way round', () => {
    expect(order([1, 2], [2, 3], [1, -0.5]).kendall?.tau?.value).toBeCloseTo(1 / 3, 12)
  })

  test('is made up where judgements leave two answers undecided, go in a circle, or are of two answers', () => {
    expect(order([1, 1], [2, 3], [1, 1]).kendall).toBeNull()
    expect(order([1, 2, 3], [2, 3, 1], [1, 1, 1]).kendall).toBeNull()
    expect(order([1], [2], [1]).kendall).toBeNull()
  })

  test('joins the answers of two users', () => {
    expect(order([1, 2], [2, 3], [1, 1], [1, 2]).kendall).toBeNull()
  })
})
