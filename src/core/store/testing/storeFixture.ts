import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { MetricBatch } from '../../../shared/domain/metric'
import type { NewRun } from '../runTable'

/** For tests: a folder that is removed by the returned function. */
export function temporaryFolder(): { dir: string; remove: () => void } {
  // Resolved, since a temporary folder may be a link and runs report real paths.
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delta-store-')))
  return { dir, remove: () => fs.rmSync(dir, { recursive: true, force: true }) }
}

export function newRun(changes: Partial<NewRun> = {}): NewRun {
  return {
    id: randomUUID(),
    exp_name: 'exp',
    exp_version: 'v0',
    model_name: 'caimira',
    dts_name: 'simpler',
    status: 'queued',
    reason: 'Queued by a test',
    created: 1_700_000_000_000,
    source: 'trained',
    command: 'delta train',
    version: '0.1.0',
    ...changes,
  }
}

/** Batches of consecutive steps from `from` on, with the same figures named at each. */
export function batches(from: number, count: number, figure: (step: number) => Record<string, number>): MetricBatch[] {
  return Array.from({ length: count }, (_, i) => ({
    epoch: from + i,
    step: from + i,
    time: 1_700_000_000_000 + 1000 * (from + i),
    values: figure(from + i),
  }))
}
