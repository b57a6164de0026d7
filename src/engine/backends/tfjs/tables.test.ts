import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../../shared/errors'
import type { Dataset, EmbeddingTable, PairSplit } from '../../data/dataset'
import { encodeHalves } from '../../../shared/float16'
import { decodeHalves } from '../../data/embeddingTable'
import { createModel } from '../../models/registry'
import { sizesOf } from '../../models/sizesOf'
import { experiment } from '../../testing/experiment'
import { syntheticDataset } from '../../testing/syntheticDataset'
import { loadBackend } from './loadBackend'
import { TfjsExecution } from './tfjsExecution'

const ROWS = 200
const WIDTH = 11
const STRIDE = 16

/** The same data over another table. */
function withTable(dataset: Dataset, table: EmbeddingTable): Dataset {
  const over = (split: PairSplit): PairSplit => ({ ...split, table })
  const { train, dev } = dataset.splits
  return { ...dataset, splits: { train: over(train), dev: over(dev!) } }
}

it.each(['caimira', 'model1', 'bt'] as const)(
  '%s trains the same on a table at a stride and on one of halves as on packed float32 of the same numbers',
  async (name) => {
    const synthetic = syntheticDataset({ users: 4, texts: ROWS, width: WIDTH, pairs: 60, words: 0 })
    const halves = encodeHalves(Float32Array.from(synthetic.splits.train.table.values), new Uint16Array(ROWS * WIDTH))
    const numbers = decodeHalves(halves, new Float32Array(ROWS * WIDTH))
    const strided = new Float32Array(ROWS * STRIDE)
    const stridedHalves = new Uint16Array(ROWS * STRIDE)
    for (let row = 0; row < ROWS; row++) {
      strided.set(numbers.subarray(row * WIDTH, (row + 1) * WIDTH), row * STRIDE)
      stridedHalves.set(halves.subarray(row * WIDTH, (row + 1) * WIDTH), row * STRIDE)
    }
    const shape = { file: 'a.npy', rows: ROWS, width: WIDTH }
    const tables: EmbeddingTable[] = [
      { ...shape, stride: WIDTH, dtype: 'float32', values: numbers },
      { ...shape, stride: STRIDE, dtype: 'float32', values: strided },
      { ...shape, stride: WIDTH, dtype: 'float16', values: halves },
      { ...shape, stride: STRIDE, dtype: 'float16', values: stridedHalves },
    ]
    const config = experiment(name, { batch_size: 16, optimizer: 'Adam' })
    const backend = await loadBackend('cpu')
    const margins: number[][] = []
    for (const table of tables) {
      const dataset = withTable(synthetic, table)
      const execution = new TfjsExecution(createModel(config, sizesOf(dataset)), dataset, config.trainer, backend)
      const rows = Int32Array.from({ length: 16 }, (_, i) => i * 3)
      for (let step = 0; step < 3; step++) execution.trainStep(rows, { learningRate: 0.01, beta1: 0.9 }, 0)
      margins.push([...(await execution.evaluate(dataset.splits.dev!)).z])
      execution.dispose()
    }
    expect(margins[0]!.some((z) => z !== 0)).toBe(true)
    for (const other of margins.slice(1)) expect(other).toEqual(margins[0])
  },
)

describe.each(['caimira', 'model2', 'ntm'] as const)('%s whose vectors are sent with each batch', (name) => {
  const dataset = syntheticDataset({ users: 4, texts: ROWS, width: WIDTH, pairs: 60 })
  const config = experiment(name, { batch_size: 16, optimizer: 'Adam' })

  async function margins(table_streaming: 'never' | 'fallback' | 'always'): Promise<{ z: number[]; streams: boolean }> {
    const backend = await loadBackend('cpu')
    const trainer = { ...config.trainer, table_streaming }
    const execution = new TfjsExecution(createModel(config, sizesOf(dataset)), dataset, trainer, backend)
    try {
      const rows = Int32Array.from({ length: 16 }, (_, i) => i * 3)
      for (let step = 0; step < 3; step++) execution.trainStep(rows, { learningRate: 0.01, beta1: 0.9 }, 0)
      return { z: [...(await execution.evaluate(dataset.splits.dev!)).z], streams: execution.streams }
    } finally {
      execution.dispose()
    }
  }

  /** As a device whose memory ends before the table does. */
  async function withoutRoom<T>(act: () => Promise<T>): Promise<T> {
    const device = tf.backend()
    const write = device.write.bind(device)
    device.write = (values, shape, dtype) => {
      if (shape[0] === ROWS && shape[1] === WIDTH) throw new AppError('out_of_memory', 'The device is full')
      return write(values, shape, dtype)
    }
    try {
      return await act()
    } finally {
      device.write = write
    }
  }

  it('trains otherwise than on a table that the device holds', async () => {
    const held = await margins('never')
    expect(held.streams).toBe(false)
    expect(await margins('always')).toEqual({ z: held.z, streams: true })
    expect(await margins('fallback')).toEqual(held)
    expect(await withoutRoom(() => margins('fallback'))).toEqual({ z: held.z, streams: true })
  })

  it('does not end where the device is full and nothing else is allowed', async () => {
    await expect(withoutRoom(() => margins('never'))).rejects.toMatchObject({ code: 'out_of_memory' })
  })
})
