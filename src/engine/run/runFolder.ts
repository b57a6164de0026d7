import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { dump } from 'js-yaml'
import { z } from 'zod'
import type { EndStatus } from '../../shared/domain/lifecycle'
import { RUN_FILES, runRecordSchema, type RunRecord } from '../../shared/domain/run'
import { LONGEST_NAME, type ExperimentConfig } from '../../shared/config/experiment'
import { AppError } from '../../shared/errors'
import { harmless } from '../../shared/harmless'
import type { MetricBatch } from '../../shared/domain/metric'
import { isCode, overwriteInPlace, readRegularFile, unwritable, writeAtomically } from './files'
import { startOf, takeOwnership } from './owner'
import { EventFile } from './tensorboard'

export type LogLevel = 'info' | 'warn' | 'error'

const MAX_RECORD_BYTES = 2 ** 20
/** Names tried before giving up: `v0`, `v0-2`, … */
const MAX_NAME_TRIES = 10_000

/**
 * A run's own folder, `<logDir>/<exp_name>/<exp_version>/`. Claimed by creating it, so that two processes never share
 * one and nothing is overwritten.
 */
export class RunFolder {
  readonly dir: string
  readonly version: string
  readonly #giveUp: () => void
  readonly #metrics: number
  readonly #log: number
  #openEvents: EventFile | undefined
  #record: RunRecord | undefined

  /** Makes the folder of a new run; a taken name gets `-2`, `-3`, … */
  static create(logDir: string, expName: string, expVersion: string): RunFolder {
    return new RunFolder(claim(path.join(logDir, expName), expVersion))
  }

  /** Opens the folder of a run that goes on, and keeps every other engine out of it. */
  static reopen(dir: string): RunFolder {
    const folder = new RunFolder(dir)
    try {
      folder.#record = readRecord(folder.path(RUN_FILES.record))
      return folder
    } catch (thrown) {
      folder.close()
      throw thrown
    }
  }

  /** Opens the folder of a run that was queued, or that crashed before its first checkpoint, to train it from the start. */
  static restart(dir: string): RunFolder {
    const folder = RunFolder.reopen(dir)
    if (fs.statSync(folder.path(RUN_FILES.metrics)).size > 0) folder.goOnFrom(0, 0)
    return folder
  }

  private constructor(dir: string) {
    this.dir = dir
    this.version = path.basename(dir)
    this.#giveUp = takeOwnership(dir)
    try {
      for (const name of [RUN_FILES.checkpoints, RUN_FILES.predictions, RUN_FILES.evaluation])
        makeFolder(this.path(name))
      this.#metrics = fs.openSync(this.path(RUN_FILES.metrics), 'a')
      this.#log = fs.openSync(this.path(RUN_FILES.log), 'a')
    } catch (cause) {
      this.#giveUp()
      throw unwritable(dir, cause)
    }
  }

  get #events(): EventFile {
    return (this.#openEvents ??= new EventFile(this.dir))
  }

  /** Takes back the figures of epochs that the checkpoint does not know: a crash may have come between the two. */
  goOnFrom(epochs: number, steps: number): void {
    for (const name of [RUN_FILES.metrics, RUN_FILES.topics]) forgetEpochsFrom(this.path(name), epochs)
    this.#events.restart(steps)
  }

  path(...parts: string[]): string {
    return path.join(this.dir, ...parts)
  }

  writeConfig(config: ExperimentConfig, metrics: readonly string[]): void {
    writeAtomically(this.path(RUN_FILES.hparams), dump(config, { lineWidth: -1 }))
    this.#events.hparams(flatten(config), metrics)
  }

  /** Declares the run as running, owned by this process. */
  begin(record: Omit<RunRecord, 'format' | 'pid' | 'process_start' | 'host' | 'status'>): void {
    const { pid } = process
    this.#save({ format: 1, status: 'running', pid, process_start: startOf(pid), host: os.hostname(), ...record })
  }

  /** The record of a reopened run, or of one that has begun. */
  get record(): RunRecord | undefined {
    return this.#record
  }

  /** Writes the run's last status, with all warnings that came up. */
  end(status: EndStatus, outcome: Pick<RunRecord, 'reason' | 'result' | 'warnings'>): void {
    if (!this.#record) return
    this.#record = { ...this.#record, ...outcome, status, ended: Date.now() }
    const text = recordText(this.#record)
    try {
      writeAtomically(this.path(RUN_FILES.record), text)
    } catch {
      overwriteInPlace(this.path(RUN_FILES.record), text)
    }
    this.#events.end(status === 'finished')
  }

  /** Lets go of the folder and its files. */
  close(): void {
    this.#openEvents?.close()
    fs.closeSync(this.#metrics)
    fs.closeSync(this.#log)
    this.#giveUp()
  }

  /** One line of metrics.jsonl and the same figures as TensorBoard scalars. */
  writeMetrics(batch: MetricBatch): void {
    this.#append(this.#metrics, RUN_FILES.metrics, JSON.stringify(batch))
    this.#events.scalars(batch)
  }

  log(level: LogLevel, message: string, now = new Date()): void {
    this.#append(
      this.#log,
      RUN_FILES.log,
      `${now.toISOString()} ${level.padEnd(5)} ${harmless(message).replaceAll('\n', '\n  ')}`,
    )
  }

  #save(record: RunRecord): void {
    this.#record = record
    writeAtomically(this.path(RUN_FILES.record), recordText(record))
  }

  #append(handle: number, name: string, line: string): void {
    try {
      fs.writeSync(handle, `${line}\n`)
    } catch (cause) {
      throw unwritable(this.path(name), cause)
    }
  }
}

function claim(parent: string, wanted: string): string {
  try {
    // Level by level: mkdir's own `recursive` never returns on file systems like /proc.
    for (const folder of [path.dirname(parent), parent]) if (!fs.existsSync(folder)) makeFolder(folder)
    for (let n = 1; n <= MAX_NAME_TRIES; n++) {
      // A name at its longest gives way, or the run's own configuration would be refused when it is read back.
      const number = n === 1 ? '' : `-${n}`
      const version = wanted.slice(0, LONGEST_NAME - number.length) + number
      const dir = path.join(parent, version)
      if (makeFolder(dir)) return dir
    }
  } catch (cause) {
    throw unwritable(parent, cause)
  }
  throw unwritable(path.join(parent, wanted), new Error(`${MAX_NAME_TRIES} runs already have this name`))
}

const recordText = (record: RunRecord): string => `${JSON.stringify(record, null, 2)}\n`

function readRecord(file: string): RunRecord {
  try {
    return runRecordSchema.parse(JSON.parse(readRegularFile(file, MAX_RECORD_BYTES).toString('utf8')))
  } catch (cause) {
    throw new AppError('unreadable', `${file} is not the record of a run`, { file }, cause)
  }
}

const epochLineSchema = z.object({ epoch: z.int() })

/** Drops the lines of epochs ≥ `epochs` (and a last line that a crash cut short). */
function forgetEpochsFrom(file: string, epochs: number): void {
  if (!fs.existsSync(file)) return
  const kept = fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => {
      try {
        return epochLineSchema.parse(JSON.parse(line)).epoch < epochs
      } catch {
        return false
      }
    })
  overwriteInPlace(file, kept.map((line) => `${line}\n`).join(''))
}

/** False when the name is taken. */
function makeFolder(dir: string): boolean {
  try {
    fs.mkdirSync(dir)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

/** `{trainer: {seed: 0}}` → `{'trainer.seed': 0}`; lists become text, since TensorBoard knows scalars only. */
export function flatten(value: object, prefix = ''): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]): [string, string | number | boolean][] => {
      const name = prefix + key
      if (typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean') return [[name, item]]
      if (Array.isArray(item)) return [[name, item.join(', ')]]
      if (typeof item === 'object' && item !== null) return Object.entries(flatten(item, `${name}.`))
      return []
    }),
  )
}
