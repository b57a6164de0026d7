import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { synthetic } from './data'
import { instantiate, hasRelaxed, BYTES_PER_TURN, ACCUMULATORS } from './wasmLoops'
import { caimiraMultiplyAdds, vectorBytes, workloadOf } from './workload'

const folder = mkdtempSync(path.join(os.tmpdir(), 'delta-bench-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const setting = { quick: true, pairs: 1, folder, say: () => {} }

test('the work of an epoch is counted wrong where it is known', async () => {
  // Every answer stands in one pair, so a batch of B pairs has 2 B distinct ones.
  const data = synthetic(setting, 'small', { pairs: 50, prompts: 7, answers: 100, width: 6, users: 9 })
  const work = await workloadOf(data, 16)
  expect(work).toEqual({ pairs: 50, steps: 4, users: 9, texts: 107, width: 6, distinctAnswers: 100 })
  // Forward and backward, d and r of K = 5: 2 · 10 · 6 for each of 100 answers.
  expect(caimiraMultiplyAdds(work, 5)).toBe(12_000)
  expect(vectorBytes(work)).toBe(2 * 100 * 6 * 4)
})

test('generated data changes from one time to the next', () => {
  const size = { pairs: 20, prompts: 3, answers: 10, width: 5, users: 2 }
  const other = mkdtempSync(path.join(os.tmpdir(), 'delta-bench-'))
  try {
    const [one, two] = [setting, { ...setting, folder: other }].map((where) => synthetic(where, 'small', size))
    for (const file of ['vectors', 'frame'] as const) expect(readFileSync(one![file])).toEqual(readFileSync(two![file]))
  } finally {
    rmSync(other, { recursive: true, force: true })
  }
})

test.each([false, true])('the loops that give the ceilings leave work out (relaxed: %s)', (relaxed) => {
  if (relaxed && !hasRelaxed()) return
  const { multiplyAdd, read, memory } = instantiate(relaxed, 4 * BYTES_PER_TURN)
  // s ← s / 2 + 1 / 2 from (i + 1) / 2, three times, summed over all sums.
  const sums = Array.from({ length: ACCUMULATORS }, (_, i) => ((i + 1) / 2 - 1) / 8 + 1)
  expect(multiplyAdd(3, 0.5)).toBeCloseTo(
    sums.reduce((a, b) => a + b, 0),
    4,
  )
  // A single lane is read back: every fourth number of what was read.
  const values = new Float32Array(memory.buffer).subarray(0, BYTES_PER_TURN).map((_, i) => i)
  new Float32Array(memory.buffer).set(values)
  const lane = [...values.subarray(0, (3 * BYTES_PER_TURN) / 4)].filter((_, i) => i % 4 === 0)
  expect(read(3, 0)).toBe(lane.reduce((a, b) => a + b, 0))
})
