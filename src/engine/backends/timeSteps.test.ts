import { expect, it } from 'vitest'
import { experiment } from '../testing/experiment'
import { syntheticDataset } from '../testing/syntheticDataset'
import type { Execution } from './execution'
import { openTfjs } from './tfjs/openTfjs'
import { timeSteps } from './timeSteps'

it('asks for an order once an epoch, so that shuffling is not timed as a part of every step', async () => {
  const dataset = syntheticDataset({ users: 4, texts: 12, width: 6, pairs: 45 })
  const config = experiment('bt', { max_epochs: 1, batch_size: 8 })
  const [real] = await (await openTfjs('cpu')).execute([config], dataset)
  const asked: number[] = []
  const stepped: number[] = []
  const watched: Execution = new Proxy(real!, {
    get(target, key) {
      if (key === 'order') return (epoch: number) => (asked.push(epoch), target.order(epoch))
      if (key === 'trainStep')
        return (rows: Int32Array, _rates: unknown, epoch: number) => void stepped.push(rows.length, epoch)
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const { steps, msPerStep } = await timeSteps(config, [watched], dataset.splits.train, { forMs: 60 })
  expect(steps).toBeGreaterThan(0)
  expect(msPerStep).toBeGreaterThan(0)
  expect(asked).toEqual([...new Set(asked)])
  // 45 pairs in batches of 8: the sixth is short.
  expect(stepped.slice(0, 14)).toEqual([8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 5, 0, 8, 1])
})
