import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { AppEvent } from '../../shared/api/events'
import type { MetricBatch } from '../../shared/domain/metric'
import { EventBus, HIGH_WATERMARK } from './eventBus'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const batch = (step: number): MetricBatch => ({ epoch: step, step, time: 0, values: {} })
const metrics = (runId: string, sequence: number, count = 1): AppEvent => ({
  event: 'run.metrics',
  payload: { runId, first: sequence, sequence, batches: Array.from({ length: count }, (_, i) => batch(i)) },
})
const status = (runId: string): AppEvent => ({
  event: 'run.status',
  payload: { runId, status: 'finished', reason: 'r', at: 0 },
})

function bus(): { events: AppEvent[]; bus: EventBus } {
  const events: AppEvent[] = []
  const made = new EventBus(100)
  made.subscribe((event) => events.push(event))
  return { events, bus: made }
}

test('each write reaches the windows by itself, or the numbers of several have a gap', async () => {
  const { events, bus: made } = bus()
  for (const sequence of [4, 5, 6]) made.publish(metrics('a', sequence))
  made.publish(metrics('b', 1))
  expect(events).toEqual([])
  await vi.advanceTimersByTimeAsync(100)
  expect(events).toMatchObject([
    { payload: { runId: 'a', first: 4, sequence: 6, batches: [{}, {}, {}] } },
    { payload: { runId: 'b', first: 1, sequence: 1 } },
  ])
  made.publish(metrics('a', 7))
  await vi.advanceTimersByTimeAsync(100)
  expect(events[2]).toMatchObject({ payload: { first: 7, sequence: 7 } })
})

test('the end of a run overtakes its last figures', () => {
  const { events, bus: made } = bus()
  made.publish(metrics('a', 1))
  made.publish(metrics('b', 1))
  made.publish(status('a'))
  expect(events.map(({ event }) => event)).toEqual(['run.metrics', 'run.status'])
})

test('past the mark figures are still sent, or the number that tells of them is not', async () => {
  const { events, bus: made } = bus()
  for (const sequence of [1, 2, 3]) made.publish(metrics('a', sequence, HIGH_WATERMARK / 2))
  made.publish(metrics('a', 4))
  await vi.advanceTimersByTimeAsync(100)
  expect(events).toEqual([{ event: 'run.metrics', payload: { runId: 'a', first: 1, sequence: 4, batches: null } }])
  // At rest again, figures flow.
  made.publish(metrics('a', 5))
  await vi.advanceTimersByTimeAsync(100)
  expect(events[1]).toMatchObject({ payload: { first: 5, batches: [{}] } })
})

test('a subscription that has ended, or a closed bus, still tells', async () => {
  const { events, bus: made } = bus()
  const more: AppEvent[] = []
  const end = made.subscribe((event) => more.push(event))
  end()
  made.publish(status('a'))
  expect([events.length, more.length]).toEqual([1, 0])
  made.publish(metrics('a', 1))
  made.close()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(events).toHaveLength(1)
})
