import fs from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { temporaryFolder } from '../data/dataFixture'
import type { Execution } from '../backends/execution'
import { START, type EpochReport } from '../loop/fit'
import { meanFigures } from '../metrics/figures'
import { Checkpoints } from './checkpoints'

const WRITE_MS = 10
const EPOCH_MS = 100

/** How often `last` is written in a minute of epochs whose writing takes 10 ms. */
async function writesOfMinute(runs?: number): Promise<number> {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  let writes = 0
  const state: Execution['state'] = () => {
    writes++
    now += WRITE_MS
    return Promise.resolve({ parameters: [], optimizer: [], steps: 1 })
  }
  const folder = path.join(temporaryFolder(), 'checkpoints')
  fs.mkdirSync(folder)
  const checkpoints = new Checkpoints({
    folder,
    execution: { state, frozen: () => Promise.resolve([]) },
    context: { format: 1, model_name: 'bt', model: {}, width: 1, feature_columns: [], train_hash: 'xxh64:', users: [] },
    progress: () => ({ position: START, schedule: null, patience: { best: null, waited: 0 } }),
    runs,
  })
  const report: EpochReport = { epoch: 0, steps: 1, learningRate: 1, train: meanFigures([]) }
  while (now < 60_000) {
    now += EPOCH_MS
    await checkpoints.onEpochEnd(report)
  }
  vi.restoreAllMocks()
  return writes
}

test('runs that train together spend their time on checkpoints', async () => {
  // One run writes 10 ms and waits 2 s.
  expect(await writesOfMinute()).toBe(29)
  // 64 · 10 ms are 3 % of 21 s.
  expect(await writesOfMinute(64)).toBe(2)
})
