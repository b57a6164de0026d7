import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { columnsOf } from '../../src/core/store/columns'
import { flattenConfig } from '../../src/core/store/flatten'
import { openStore } from '../../src/core/store/openStore'
import { writeRun } from '../../e2e/support/logFolder'

/** A log folder, and the window's own data (settings, history) that go with it. */
export interface Workspace {
  logDir: string
  userData: string
}

const STATUSES = ['finished', 'finished', 'finished', 'stopped', 'failed'] as const
const MODELS = ['caimira', 'model1', 'model2', 'bt']
/** A new shape of the generated data needs a new number, since folders are kept. */
const FORMAT = 1

/** Run folders as a person's own would be; made once and kept, since ten thousand take a while. */
export function manyRuns(folder: string, count: number): Workspace {
  const root = join(folder, `runs-${count}-${FORMAT}`)
  const made = join(root, '.made')
  const logDir = join(root, 'lightning_logs')
  if (!existsSync(made)) {
    rmSync(root, { recursive: true, force: true })
    for (let n = 0; n < count; n++)
      writeRun(logDir, {
        exp_name: `exp-${String(n % 100).padStart(2, '0')}`,
        exp_version: `v${Math.floor(n / 100)}`,
        status: STATUSES[n % STATUSES.length],
        model_name: MODELS[n % MODELS.length],
        dts_name: n % 3 === 0 ? 'convarg' : 'simpler',
        epochs: 3,
        quality: ((n * 7919) % 1000) / 1000,
        created: 1.7e12 + n * 60_000,
      })
    writeFileSync(made, '')
  }
  return { logDir, userData: join(root, 'user-data') }
}

export const LIVE_RUN = 'live-run'
const CHUNK = 10_000

/** One run that trains, with so many steps in its history. */
export function longRun(folder: string, steps: number): Workspace {
  const root = join(folder, `steps-${steps}-${FORMAT}`)
  const made = join(root, '.made')
  const workspace = { logDir: join(root, 'lightning_logs'), userData: join(root, 'user-data') }
  if (existsSync(made)) return workspace
  rmSync(root, { recursive: true, force: true })
  const dir = writeRun(workspace.logDir, {
    exp_name: 'live',
    exp_version: 'v0',
    status: 'running',
    pid: 1,
    epochs: 0,
    created: Date.now(),
  })
  const store = openStore({ dir: join(workspace.userData, 'history') })
  const id = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')).id
  store.runs.create({
    ...stored(id),
    status: 'running',
    dir,
    logDir: workspace.logDir,
  })
  for (let from = 0; from < steps; from += CHUNK)
    store.metrics.append(id, measured(from, Math.min(steps, from + CHUNK)))
  store.close()
  writeFileSync(made, '')
  return workspace
}

/** Ended runs of so many steps, in the history alone. */
export function longCurves(folder: string, runs: number, steps: number): Workspace & { ids: string[] } {
  const root = join(folder, `curves-${runs}-${steps}-${FORMAT}`)
  const workspace = { logDir: join(root, 'lightning_logs'), userData: join(root, 'user-data') }
  const ids = Array.from({ length: runs }, (_, n) => `curve-${n}`)
  if (existsSync(join(root, '.made'))) return { ...workspace, ids }
  rmSync(root, { recursive: true, force: true })
  mkdirSync(workspace.logDir, { recursive: true })
  const store = openStore({ dir: join(workspace.userData, 'history') })
  ids.forEach((id, n) => {
    const key = store.runs.create({ ...stored(id), status: 'finished', exp_version: `v${n}` })
    store.metrics.replace(key, columnsOf(measured(0, steps, n)))
  })
  store.close()
  writeFileSync(join(root, '.made'), '')
  return { ...workspace, ids }
}

/** Ended runs that differ in some parameters, with a figure or two that follow from these, in the history alone. */
export function variedRuns(folder: string, count: number): Workspace & { ids: string[] } {
  const root = join(folder, `varied-${count}-${FORMAT}`)
  const workspace = { logDir: join(root, 'lightning_logs'), userData: join(root, 'user-data') }
  const ids = Array.from({ length: count }, (_, n) => `varied-${n}`)
  if (existsSync(join(root, '.made'))) return { ...workspace, ids }
  rmSync(root, { recursive: true, force: true })
  mkdirSync(workspace.logDir, { recursive: true })
  const store = openStore({ dir: join(workspace.userData, 'history') })
  ids.forEach((id, n) => {
    const [size, rate, weight] = [1 + (n % 20), 10 ** (-4 + ((n * 7) % 50) / 25), ((n * 13) % 100) / 100]
    const model_name = MODELS[n % MODELS.length] ?? 'caimira'
    const params = flattenConfig({
      model_name,
      caimira: { n_dim: size, dropout: weight },
      trainer: { learning_rate: rate, batch_size: 2 ** (5 + (n % 6)), seed: n },
    })
    store.runs.create({ ...stored(id), status: 'finished', exp_version: `v${n}`, model_name, params })
    const test_acc = 0.5 + 0.02 * size - 0.1 * Math.abs(Math.log10(rate) + 3) + 0.05 * Math.sin(n)
    store.metrics.append(id, [{ epoch: 0, step: 0, time: 1.7e12 + n, values: { test_acc, test_loss: 1 - test_acc } }])
  })
  store.close()
  writeFileSync(join(root, '.made'), '')
  return { ...workspace, ids }
}

/** Figures of every step, as an engine that reports each one gives them. */
export function measured(from: number, to: number, phase = 0) {
  return Array.from({ length: to - from }, (_, i) => {
    const step = from + i
    const loss = 0.3 + 0.4 * Math.exp(-step / 3000) + 0.01 * Math.sin(step * 12.9898 + phase)
    return {
      epoch: Math.floor(step / 100),
      step,
      time: 1.7e12 + step,
      values: { train_loss: loss, train_acc: 1 - loss / 2, val_loss: loss + 0.02, val_acc: 0.95 - loss / 2 },
    }
  })
}

function stored(id: string) {
  return {
    id,
    exp_name: 'live',
    exp_version: 'v0',
    model_name: 'caimira',
    dts_name: 'simpler',
    reason: 'benchmark',
    created: Date.now(),
    source: 'trained' as const,
    command: 'delta train',
    version: '0',
  }
}
