import fs from 'node:fs'
import { join } from 'node:path'
import { dump } from 'js-yaml'
import { LONGEST_NAME, type ExperimentConfig } from '../../shared/config/experiment'
import { RUN_FILES, runRecordSchema, type RunRecord } from '../../shared/domain/run'
import { AppError, messageOf } from '../../shared/errors'
import { makeFolders } from '../folders'

/** Names tried before giving up: `v0`, `v0-2`, … */
const MAX_NAME_TRIES = 10_000

/**
 * Makes the folder of a run that is not trained yet, `<logDir>/<exp_name>/<exp_version>/`, with its configuration and its record. A
 * taken name gets `-2`, `-3`, …; nothing is overwritten.
 *
 * @returns the folder, and the configuration with the name that it got
 * @throws AppError `unwritable`
 */
export function makeRunFolder(logDir: string, config: ExperimentConfig): { dir: string; config: ExperimentConfig } {
  const parent = join(logDir, config.exp_name)
  makeFolders(parent)
  try {
    for (let n = 1; n <= MAX_NAME_TRIES; n++) {
      const number = n === 1 ? '' : `-${n}`
      const exp_version = config.exp_version.slice(0, LONGEST_NAME - number.length) + number
      const dir = join(parent, exp_version)
      if (!claim(dir)) continue
      const named = { ...config, exp_version }
      replaceFile(join(dir, RUN_FILES.hparams), dump(named, { lineWidth: -1 }))
      return { dir, config: named }
    }
  } catch (cause) {
    throw unwritable(parent, cause)
  }
  throw unwritable(parent, new Error(`${MAX_NAME_TRIES} runs already have the name ${config.exp_version}`))
}

function claim(dir: string): boolean {
  try {
    fs.mkdirSync(dir)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** The run's own record, or undefined where it cannot be read. */
export function readRecord(dir: string): RunRecord | undefined {
  try {
    return runRecordSchema.safeParse(JSON.parse(fs.readFileSync(join(dir, RUN_FILES.record), 'utf8'))).data
  } catch {
    return undefined
  }
}

/** @throws AppError `unwritable` */
export function writeRecord(dir: string, record: RunRecord): void {
  const file = join(dir, RUN_FILES.record)
  try {
    replaceFile(file, `${JSON.stringify(record, null, 2)}\n`)
  } catch (cause) {
    throw unwritable(file, cause)
  }
}

/** Under a name of its own first, so that no reader sees half, and two writers do not share a draft. */
export function replaceFile(file: string, text: string): void {
  const draft = `${file}.${process.pid}.tmp`
  try {
    fs.writeFileSync(draft, text, { flush: true })
    fs.renameSync(draft, file)
  } catch (cause) {
    fs.rmSync(draft, { force: true })
    throw cause
  }
}

function unwritable(file: string, cause: unknown): AppError {
  return new AppError(
    'unwritable',
    `${file} cannot be written: ${messageOf(cause)}`,
    { file, fix: 'Check the free space and the permissions of the folder.' },
    cause,
  )
}
