import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, describe, expect, it } from 'vitest'
import { readResults } from './results'

const dir = mkdtempSync(path.join(tmpdir(), 'delta-results-'))
afterAll(() => rmSync(dir, { recursive: true }))
mkdirSync(path.join(dir, 'predictions'))

type Columns = Parameters<typeof parquetWriteBuffer>[0]['columnData']
const write = (split: string, columnData: Columns, rowGroupSize?: number): void =>
  writeFileSync(
    path.join(dir, 'predictions', `${split}.parquet`),
    new Uint8Array(parquetWriteBuffer({ columnData, ...(rowGroupSize && { rowGroupSize }) })),
  )

const softplus = (x: number): number => Math.log1p(Math.exp(x))

describe('what predictions come to for each user', () => {
  it('loses a row group, a kind of id, or counts a row without a margin', async () => {
    const users = ['ada', 'ada', 'bo', 'ada', 'bo', 'cy', 'cy']
    const z = [1.5, -0.5, 0, 2, 3, NaN, Infinity]
    write(
      'dev',
      [
        { name: 'u_id', data: users, type: 'STRING' },
        { name: 'z', data: z, type: 'DOUBLE' },
      ],
      3,
    )
    write('test', [
      { name: 'u_id', data: [7n, 7n, 8n], type: 'INT64' },
      { name: 'z', data: [1, -1, 1], type: 'FLOAT' },
      { name: 'more', data: ['x', 'y', 'z'], type: 'STRING' },
    ])
    writeFileSync(path.join(dir, 'predictions', 'test_unseen.parquet'), 'PAR1 and then nothing that is Parquet PAR1')
    const results = await readResults(dir)
    const loss = (...margins: number[]): number => margins.reduce((sum, m) => sum + softplus(-m), 0) / margins.length
    const rounded = results.map((one) => ({ ...one, loss: Number(one.loss.toFixed(12)) }))
    expect(rounded).toEqual(
      [
        { split: 'dev', user: 'ada', pairs: 3, acc: 2 / 3, loss: loss(1.5, -0.5, 2) },
        { split: 'dev', user: 'bo', pairs: 2, acc: 1 / 2, loss: loss(0, 3) },
        { split: 'test', user: '7', pairs: 2, acc: 1 / 2, loss: loss(1, -1) },
        { split: 'test', user: '8', pairs: 1, acc: 1, loss: loss(1) },
      ].map((one) => ({ ...one, loss: Number(one.loss.toFixed(12)) })),
    )
  })
})
