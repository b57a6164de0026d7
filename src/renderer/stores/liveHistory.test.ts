import { expect, it } from 'vitest'
import type { MetricBatch } from '../../shared/domain/metric'
import { continued } from './liveHistory'

const batch = (step: number): MetricBatch => ({ epoch: step, step, time: 0, values: { train_loss: step } })
const batches = (from: number, to: number): MetricBatch[] =>
  Array.from({ length: to - from }, (_, i) => batch(from + i))
const event = (first: number, sequence: number, figures: MetricBatch[] | null) => ({
  runId: 'a',
  first,
  sequence,
  batches: figures,
})
const known = { history: batches(0, 3), sequence: 3, other: 'kept' }

it('goes on without a gap', () => {
  expect(continued(known, event(4, 5, batches(3, 5)))).toEqual({ history: batches(0, 5), sequence: 5, other: 'kept' })
})

it('asks again after a gap, and when everything was replaced', () => {
  expect(continued(known, event(5, 5, batches(4, 5)))).toBeUndefined()
  expect(continued(known, event(4, 4, null))).toBeUndefined()
})

it('takes no figure twice: of a number that is in it, and of a file that was ahead of its number', () => {
  expect(continued(known, event(2, 3, batches(1, 3)))).toBe(known)
  const ahead = { history: batches(0, 6), sequence: 3 }
  const next = continued(ahead, event(4, 4, batches(3, 5)))
  expect(next).toEqual({ history: batches(0, 6), sequence: 4 })
  // A connection that was lost: a part of what comes is known.
  expect(continued(known, event(2, 5, batches(1, 5)))?.history).toEqual(batches(0, 5))
})

it('counts numbers that bring no figures', () => {
  expect(continued(known, event(4, 4, []))).toEqual({ ...known, sequence: 4 })
})
