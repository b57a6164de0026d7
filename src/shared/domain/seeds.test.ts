import { expect, test } from 'vitest'
import { parseSeeds, spreadOf, summarise } from './seeds'

test.for([
  ['1..4', [1, 2, 3, 4]],
  ['7', [7]],
  ['0,5, 3..4', [0, 5, 3, 4]],
  ['4294967295', [4294967295]],
])('%s is read as other seeds', ([text, seeds]) => expect(parseSeeds(String(text))).toEqual(seeds))

test.for(['', '1..', '..3', '4..1', '1,1', '1..3,2', '-1', '1.5', 'a', '1 2', '4294967296', '0..256', '1..9999999999'])(
  '%o is taken for seeds',
  (text) => expect(parseSeeds(text)).toBeNull(),
)

test('the standard deviation divides by n, or that of one run is no number', () => {
  const { mean, sd, n } = spreadOf([1, 2, 3, 4])
  expect([mean, n]).toEqual([2.5, 4])
  expect(sd).toBeCloseTo(Math.sqrt(5 / 3), 14)
  expect(spreadOf([2])).toEqual({ mean: 2, sd: 0, n: 1 })
})

test('a figure that one run lacks is summarised over the others', () => {
  const run = {
    type: 'result' as const,
    runId: 'r',
    dir: '/',
    status: 'finished' as const,
    epochs: 1,
    steps: 1,
    seconds: 1,
    ms_per_epoch: 1,
    ms_per_validation: 1,
    steps_per_second: 1,
    peak_rss_bytes: 1,
    backend: 'fused',
    threads: 1,
  }
  const summary = summarise([
    { ...run, test_acc: 0.5, val_loss: 1 },
    { ...run, test_acc: 0.7 },
  ])
  expect(Object.keys(summary)).toEqual(['test_acc'])
  expect(summary['test_acc']?.mean).toBeCloseTo(0.6, 14)
})
