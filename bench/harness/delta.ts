import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { BACKENDS } from '../../src/shared/config/experiment'
import type { BenchData } from './data'
import { Missing } from './missing'
import { lastObject, lastWords, runProgram, type Ran } from './processes'
import type { Setting } from './question'
import { ROOT } from './root'

export const CLI = path.join(ROOT, 'out', 'main', 'cli.js')
/** tfjs in plain JavaScript on the largest data takes minutes for an epoch. */
const TRAIN_SECONDS = 900
/** The pairs a step of every comparison: the peer's default, and ours. */
export const BATCH = 512
export const N_DIM = 5

const names: readonly string[] = BACKENDS
/** The backend that is compared with others: the fused one where this build has it. */
export const OURS = names.includes('fused') ? 'fused' : 'wasm'
export const hasBackend = (name: string): boolean => names.includes(name)

let help: string | undefined
/** Whether `delta train` knows a flag, so that the bench runs on builds with and without it. */
export function hasFlag(flag: string): boolean {
  help ??= spawnSync(process.execPath, [CLI, 'train', '--help'], { encoding: 'utf8' }).stdout
  return new RegExp(`^\\s+${flag}\\b`, 'm').test(help)
}

/** @throws Missing where this build's `delta train` does not know the flag */
export function needFlag(flag: string): void {
  if (!hasFlag(flag)) throw new Missing(`this build's delta train has no ${flag}`)
}

/** What the bench reads of a run's result; the rest may grow. */
const trainResult = z.object({
  type: z.literal('result'),
  ms_per_epoch: z.number().positive(),
  /** Not of several seeds. */
  ms_per_validation: z.number().optional(),
  peak_rss_bytes: z.number(),
  backend: z.string(),
  threads: z.int(),
})
export type TrainResult = z.infer<typeof trainResult>

export interface TrainOptions {
  data: BenchData
  epochs: number
  model?: string
  backend?: string
  /** 0: as many as the build takes by itself. */
  threads?: number
  n_dim?: number
  batch?: number
  seed?: number
  /** Flags that are passed on as they are. */
  more?: readonly string[]
  /** Added to the environment; undefined takes a variable out. */
  env?: NodeJS.ProcessEnv
}

/**
 * One fresh process of the built `delta train`.
 *
 * @throws Missing where the build does not know the backend or it does not start here
 */
export async function train(setting: Setting, options: TrainOptions): Promise<TrainResult> {
  const ran = await startTrain(setting, options)
  return trainResult.parse(lastObject(ran.stdout))
}

export async function startTrain(setting: Setting, options: TrainOptions): Promise<Ran> {
  const { model = 'caimira', backend = OURS, threads = 0, batch = BATCH, n_dim = N_DIM, seed } = options
  if (!hasBackend(backend)) throw new Missing(`this build has no backend ${backend}`)
  if (threads > 0) needFlag('--threads')
  mkdirSync(setting.folder, { recursive: true })
  const logs = mkdtempSync(path.join(setting.folder, 'run-'))
  try {
    const config = path.join(logs, 'exp_config.yaml')
    // The defaults of the program, whatever configs/ says.
    writeFileSync(config, 'trainer: {}\n')
    const flags = {
      dts_name: options.data.name,
      dts_config_file: options.data.config,
      config_file: config,
      log_dir: logs,
      model_name: model,
      max_epochs: options.epochs,
      batch_size: batch,
      n_dim,
      backend,
      ...(seed !== undefined && { seed }),
      ...(threads > 0 && { threads }),
    }
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
    const all = [CLI, 'train', ...args, '--json', ...(options.more ?? [])]
    const env = { ...process.env, ...options.env }
    const ran = await runProgram(process.execPath, all, { seconds: TRAIN_SECONDS, cwd: logs, env })
    if (ran.timedOut) throw new Error(`delta train did not end within ${TRAIN_SECONDS} s`)
    if (ran.code !== 0) throw refusal(ran, backend)
    return ran
  } finally {
    rmSync(logs, { recursive: true, force: true })
  }
}

/** A backend that is known and does not start here is missing; everything else is a failure. */
function refusal(ran: Ran, backend: string): Error {
  const said = lastWords(`${ran.stdout}\n${ran.stderr}`)
  return said.includes('backend_unavailable')
    ? new Missing(`backend ${backend} does not start here: ${said}`)
    : new Error(`delta train failed: ${said}`)
}

export const CORES = os.availableParallelism()

/** Epochs that fill about so many seconds: short ones are repeated often, long ones as seldom as the median allows. */
export function epochsFor(msPerEpoch: number, seconds: number, atMost = 500): number {
  return Math.max(FEWEST_EPOCHS, Math.min(atMost, Math.ceil((1000 * seconds) / msPerEpoch)))
}

/** The first is left out of the median, on both sides. */
export const FEWEST_EPOCHS = 3
