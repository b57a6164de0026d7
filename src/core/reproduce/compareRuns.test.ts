import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { compareRuns } from './compareRuns'

/** A run's folder with two checkpoints of three values. */
function folder(description: object, values = [1, 2, 3]): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-compare-'))
  onTestFinished(() => fs.rmSync(dir, { recursive: true }))
  const json = JSON.stringify({
    __metadata__: { delta: JSON.stringify(description) },
    'w.weight': { dtype: 'F32', shape: [1, 3], data_offsets: [0, 12] },
  })
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  fs.mkdirSync(path.join(dir, 'checkpoints'))
  for (const name of ['best', 'last'])
    fs.writeFileSync(
      path.join(dir, 'checkpoints', `${name}.safetensors`),
      Buffer.concat([length, header, Buffer.from(Float32Array.from(values).buffer)]),
    )
  return dir
}

const before = { format: 1, width: 3, train_sha256: 'd60a113d6a108685', users: [1, 2] }
const now = { format: 1, width: 3, train_hash: 'xxh64:b641ae8cb691c174', users: [1, 2] }

test('a run of an earlier version is called other than the one that repeats it, for the form of its data’s hash', () => {
  expect(compareRuns(folder(before), folder(now)).results).toEqual([])
})

test.each([
  ['other values', folder.bind(null, now, [1, 2, 4])],
  ['another description', folder.bind(null, { ...now, users: [1, 3] })],
])('a checkpoint with %s counts as the same', (_what, other) => {
  const { results } = compareRuns(folder(before), other())
  expect(results.map(({ what }) => what)).toEqual(['checkpoints/best.safetensors', 'checkpoints/last.safetensors'])
})

test('a checkpoint that is torn, or gone, counts as the same', () => {
  const torn = folder(now)
  fs.truncateSync(path.join(torn, 'checkpoints', 'best.safetensors'), 5)
  fs.rmSync(path.join(torn, 'checkpoints', 'last.safetensors'))
  expect(compareRuns(folder(now), torn).results).toMatchObject([
    { what: 'checkpoints/best.safetensors', after: expect.stringMatching(/^sha256 /) },
    { what: 'checkpoints/last.safetensors', after: 'missing' },
  ])
})
