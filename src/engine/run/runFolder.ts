import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { dump } from 'js-yaml'
import { RUN_FILES, type RunRecord, type RunResult, type RunStatus } from '../../shared/domain/run'
import type { ExperimentConfig } from '../../shared/config/experiment'
import type { MetricBatch } from '../../shared/domain/metric'
import { unwritable, writeAtomically } from './files'
import { EventFile } from './tensorboard'

export type LogLevel = 'info' | 'warn' | 'error'

/** Names tried before giving up: `v0`, `v0-2`, … */
const MAX_NAME_TRIES = 10_000

/**
 * A run's own folder, `<logDir>/<exp_name>/<exp_version>/`. Claimed by creating it, so that two processes never share
 * one and nothing is overwritten.
 */
export class RunFolder {
  readonly dir: string
  readonly version: string
  readonly #metrics: number
  readonly #log: number
  readonly #events: EventFile
  #record: RunRecord | undefined

  constructor(logDir: string, expName: string, expVersion: string) {
    const { dir, version } = claim(path.join(logDir, expName), expVersion)
    this.dir = dir
    this.version = version
    try {
      fs.mkdirSync(this.path(RUN_FILES.checkpoints))
      fs.mkdirSync(this.path(RUN_FILES.predictions))
      this.#metrics = fs.openSync(this.path(RUN_FILES.metrics), 'a')
      this.#log = fs.openSync(this.path(RUN_FILES.log), 'a')
    } catch (cause) {
      throw unwritable(dir, cause)
    }
    this.#events = new EventFile(dir)
  }

  path(...parts: string[]): string {
    return path.join(this.dir, ...parts)
  }

  writeConfig(config: ExperimentConfig, metrics: readonly string[]): void {
    writeAtomically(this.path(RUN_FILES.hparams), dump(config, { lineWidth: -1 }))
    this.#events.hparams(flatten(config), metrics)
  }

  /** Declares the run as running, owned by this process. */
  begin(record: Omit<RunRecord, 'format' | 'pid' | 'host' | 'status'>): void {
    this.#save({ format: 1, status: 'running', pid: process.pid, host: os.hostname(), ...record })
  }

  /** Writes the run's last status and lets go of its files. */
  end(status: RunStatus, reason: string | undefined, result?: RunResult): void {
    if (!this.#record) return
    this.#save({
      ...this.#record,
      status,
      ended: Date.now(),
      ...(reason !== undefined && { reason }),
      ...(result && { result }),
    })
    this.#events.end(status === 'finished')
    this.#events.close()
    fs.closeSync(this.#metrics)
    fs.closeSync(this.#log)
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
      `${now.toISOString()} ${level.padEnd(5)} ${message.replaceAll('\n', '\n  ')}`,
    )
  }

  #save(record: RunRecord): void {
    this.#record = record
    writeAtomically(this.path(RUN_FILES.record), `${JSON.stringify(record, null, 2)}\n`)
  }

  #append(handle: number, name: string, line: string): void {
    try {
      fs.writeSync(handle, `${line}\n`)
    } catch (cause) {
      throw unwritable(this.path(name), cause)
    }
  }
}

function claim(parent: string, wanted: string): { dir: string; version: string } {
  try {
    fs.mkdirSync(parent, { recursive: true })
    for (let n = 1; n <= MAX_NAME_TRIES; n++) {
      const version = n === 1 ? wanted : `${wanted}-${n}`
      const dir = path.join(parent, version)
      if (makeFolder(dir)) return { dir, version }
    }
  } catch (cause) {
    throw unwritable(parent, cause)
  }
  throw unwritable(path.join(parent, wanted), new Error(`${MAX_NAME_TRIES} runs already have this name`))
}

/** False when the name is taken. */
function makeFolder(dir: string): boolean {
  try {
    fs.mkdirSync(dir)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
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
