import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { MetricsFrame } from '../shared/api/engineProtocol'
import type { MetricBatch } from '../shared/domain/metric'
import { MetricStream, type EngineFrame } from './metricStream'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const batch = (epoch: number): MetricBatch => ({ epoch, step: epoch, time: 0, values: { train_loss: epoch } })

function stream(options: ConstructorParameters<typeof MetricStream>[1] = {}) {
  const frames: EngineFrame[] = []
  const made = new MetricStream((frame) => frames.push(frame), { coalesceMs: 20, high: 10, low: 4, ...options })
  const measure = (from: number, to: number): void => {
    for (let epoch = from; epoch < to; epoch++) made.emit({ type: 'metrics', batch: batch(epoch) })
  }
  const metrics = (): MetricsFrame[] => frames.flatMap((frame) => (frame.type === 'metrics' ? [frame] : []))
  return { made, frames, measure, metrics }
}

test('each epoch costs a frame, or one waits for ever', async () => {
  const { measure, metrics } = stream()
  measure(0, 3)
  expect(metrics()).toEqual([])
  await vi.advanceTimersByTimeAsync(20)
  expect(metrics()).toMatchObject([{ seq: 0, first: 0, batches: [{ epoch: 0 }, { epoch: 1 }, { epoch: 2 }] }])
  measure(3, 4)
  await vi.advanceTimersByTimeAsync(20)
  expect(metrics()[1]).toMatchObject({ seq: 1, first: 3, batches: [{ epoch: 3 }] })
})

test('a log line overtakes the figures that were measured before it', () => {
  const { made, frames, measure } = stream()
  measure(0, 2)
  made.emit({ type: 'log', level: 'info', message: 'm' })
  expect(frames.map(({ type }) => type)).toEqual(['metrics', 'log'])
})

test('a core that does not acknowledge is sent more and more, or never again', async () => {
  const { made, measure, metrics } = stream()
  measure(0, 10)
  await vi.advanceTimersByTimeAsync(20)
  measure(10, 50)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(metrics()).toHaveLength(1)
  // Above the low mark nothing changes; below it sending goes on, and says what was left out.
  made.acknowledge(0)
  measure(50, 52)
  await vi.advanceTimersByTimeAsync(20)
  expect(metrics()[1]).toMatchObject({ seq: 1, first: 50, batches: [{ epoch: 50 }, { epoch: 51 }] })
})

test('sending goes on as soon as one frame is acknowledged, and stutters at the mark', async () => {
  const { made, measure, metrics } = stream()
  for (const from of [0, 3, 6, 9]) {
    measure(from, from + 3)
    await vi.advanceTimersByTimeAsync(20)
  }
  expect(metrics()).toHaveLength(4)
  made.acknowledge(1)
  measure(12, 13)
  await vi.advanceTimersByTimeAsync(20)
  expect(metrics()).toHaveLength(4)
  made.acknowledge(2)
  measure(13, 14)
  await vi.advanceTimersByTimeAsync(20)
  expect(metrics()[4]).toMatchObject({ first: 13, batches: [{ epoch: 13 }] })
})

test('the end hides that figures were left out, or loses those that wait', () => {
  const behind = stream()
  behind.measure(0, 10)
  behind.made.flush()
  behind.measure(10, 14)
  behind.made.end()
  expect(behind.metrics().at(-1)).toEqual({ type: 'metrics', seq: 1, first: 14, batches: [] })

  const waiting = stream()
  waiting.measure(0, 2)
  waiting.made.end()
  waiting.made.end()
  expect(waiting.metrics()).toMatchObject([{ seq: 0, first: 0, batches: [{ epoch: 0 }, { epoch: 1 }] }])
})

test('a frame grows without bound while the loop is busy', () => {
  const { measure, metrics } = stream({ high: 1_000_000 })
  measure(0, 2_500)
  expect(metrics().map(({ batches }) => batches.length)).toEqual([1_000, 1_000])
})
