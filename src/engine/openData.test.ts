import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { experimentSchema, type ExperimentConfig } from '../shared/config/experiment'
import { dataFixture, writeData } from './data/dataFixture'
import { packedFloats, type AllocateTable } from './data/embeddingTable'
import { writeNpy } from './data/npy'
import { openData } from './openData'

const { signal } = new AbortController()

async function config(trainer: object): Promise<ExperimentConfig> {
  const data = await writeData(dataFixture())
  return experimentSchema.parse({ data, model_name: 'caimira', caimira: {}, trainer })
}

it('reads every table into the memory that the backend gives, at its stride, in the type of trainer.table_dtype', async () => {
  for (const table_dtype of ['float32', 'float16'] as const) {
    const experiment = await config({ table_dtype })
    const asked: unknown[] = []
    const allocate: AllocateTable = (rows, width, dtype) => {
      asked.push([rows, width, dtype])
      return dtype === 'float16'
        ? { dtype, stride: 16, values: new Uint16Array(rows * 16).fill(7) }
        : { dtype, stride: 16, values: new Float32Array(rows * 16).fill(7) }
    }
    const { dataset } = await openData(experiment, signal, { allocate })
    expect(asked).toEqual(Array(4).fill([5, 3, table_dtype]))
    const { table } = dataset.splits.train
    expect(table).toMatchObject({ dtype: table_dtype, stride: 16, rows: 5, width: 3 })
    expect(table).not.toHaveProperty('nonFinite')
    expect([...packedFloats(table)]).toEqual([0, 0, -0, 1, 0.5, -1, 2, 1, -2, 3, 1.5, -3, 4, 2, -4])
    expect([...table.values.subarray(3, 16)]).toEqual(Array(13).fill(0))
    // Without a backend's memory the same numbers lie there without padding.
    const plain = (await openData(experiment, signal)).dataset.splits.train.table
    expect(plain).toMatchObject({ dtype: table_dtype, stride: 3 })
    expect([...packedFloats(plain)]).toEqual([...packedFloats(table)])
  }
})

it('names file and row of a number that float16 cannot hold, and trains on it as float32', async () => {
  const experiment = await config({ table_dtype: 'float16' })
  const file = experiment.data.test!.emb_file
  const values = new Float32Array(15)
  values[2 * 3 + 1] = -70_000
  await writeNpy(file, values, [5, 3])
  await expect(openData(experiment, signal)).rejects.toMatchObject({
    code: 'data_invalid',
    message: 'The vector in row 2 holds a number beyond the range of float16, ±65504',
    details: { file, row: 2, fix: expect.stringContaining('table_dtype') },
  })
  const wide = { ...experiment, trainer: { ...experiment.trainer, table_dtype: 'float32' as const } }
  expect((await openData(wide, signal)).dataset.splits.test!.table.values[7]).toBe(-70_000)
})

it('reports a truncated vector file whatever memory it was to go to', async () => {
  for (const table_dtype of ['float32', 'float16'] as const) {
    const experiment = await config({ table_dtype })
    writeFileSync(experiment.data.train.emb_file, '\x93NUMPY')
    await expect(openData(experiment, signal)).rejects.toMatchObject({ code: 'data_invalid' })
  }
})
