import { describe, expect, expectTypeOf, test } from 'vitest'
import { AppError } from '../errors'
import {
  END_STATUSES,
  RUN_STATUSES,
  canBecome,
  hasEnded,
  isActive,
  transition,
  transitionSchema,
  type EndStatus,
  type RunStatus,
} from './lifecycle'

/**
 * Row: from; column: to, in the order of RUN_STATUSES. Written by hand beside the table of the code, so that a status
 * added there, or a way that opens by mistake, fails here.
 */
const WAYS: Record<RunStatus, string> = {
  queued: '.x...xx..',
  starting: '..xxxxxxx',
  running: '...xxxxxx',
  stopping: '....xxxxx',
  finished: 'x........',
  stopped: 'x........',
  failed: 'x........',
  crashed: 'x.x.xxx.x',
  interrupted: 'x........',
}

const pairs = RUN_STATUSES.flatMap((from) =>
  RUN_STATUSES.map((to, column) => ({ from, to, legal: WAYS[from][column] === 'x' })),
)

describe('every pair of statuses', () => {
  test.each(pairs)('$from → $to: $legal', ({ from, to, legal }) => {
    expect(canBecome(from, to)).toBe(legal)
    if (legal) {
      const step = transition(from, to, 5, 'why')
      expect(step).toEqual({ from, to, at: 5, reason: 'why' })
      expect(transitionSchema.parse(step)).toEqual(step)
    } else expect(() => transition(from, to, 5, 'why')).toThrow(AppError)
  })

  test('a table that has fewer columns than there are statuses would let one pass unseen', () => {
    expect(pairs).toHaveLength(81)
    for (const row of Object.values(WAYS)) expect(row).toHaveLength(RUN_STATUSES.length)
  })
})

test('a refusal that does not say what is possible', () => {
  expect(() => transition('finished', 'running', 0, 'x')).toThrow(
    expect.objectContaining({
      code: 'usage',
      message: 'A run that is finished cannot become running',
      details: { fix: 'From finished a run can become queued.' },
    }),
  )
})

test('a change without a reason is kept', () => {
  expect(transitionSchema.safeParse({ from: null, to: 'queued', at: 0, reason: '' }).success).toBe(false)
})

test('a status that is neither waiting, at work nor ended, or two of these', () => {
  for (const status of RUN_STATUSES)
    expect([status === 'queued', isActive(status), hasEnded(status)].filter(Boolean), status).toHaveLength(1)
  expect(RUN_STATUSES.filter(hasEnded)).toEqual([...END_STATUSES])
  expectTypeOf<EndStatus>().toExtend<RunStatus>()
})

test('an ended run that cannot be taken up again', () => {
  for (const status of END_STATUSES) expect(canBecome(status, 'queued'), status).toBe(true)
})
