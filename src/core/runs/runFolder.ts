import { lstat, type Stats } from 'node:fs'
import { join } from 'node:path'
import { RUN_FILES, runRecordSchema, type RunRecord } from '../../shared/domain/run'
import type { MetricBatch } from '../../shared/domain/metric'
import { AppError } from '../../shared/errors'
import { parseMetrics, summarise, type MetricsFile, type MetricsSummary } from './metricsFile'
import { isMissing, readInside } from './readInside'

const MAX_RECORD_BYTES = 2 ** 20
const MAX_HPARAMS_BYTES = 2 ** 20
const MAX_METRICS_BYTES = 64 * 2 ** 20
const LOG_TAIL_BYTES = 2 ** 16
const LOG_TAIL_LINES = 200
const LOG_LINE_CHARACTERS = 2000

/** What a table needs of one run's folder. */
export interface RunFolder extends MetricsSummary {
  dir: string
  record: RunRecord
  recordWritten: number
  lastSign: number
  problems: string[]
  /** Equal stamps mean that nothing has changed. */
  stamp: string
}

interface FileState {
  /** Also what tells one content from another. */
  stamp: string
  changed: number
}

export function fileStamp({ mtimeMs, size, ino }: Pick<Stats, 'mtimeMs' | 'size' | 'ino'>): string {
  return `${mtimeMs}:${size}:${ino}`
}

/** Called back and not promised: of ten thousand folders most files are asked for in vain, and each error would be caught with its stack. */
function stateOf(path: string): Promise<FileState | undefined> {
  return new Promise((resolve, reject) => {
    lstat(path, (error, state) => {
      if (error === null) resolve({ stamp: fileStamp(state), changed: state.mtimeMs })
      else if (isMissing(error)) resolve(undefined)
      else reject(error)
    })
  })
}

/**
 * Reads one folder, or returns `known` where its files are the same still. Undefined: not a run's folder at all.
 * Throws an AppError where the folder is a run's and `run.json` is broken.
 */
export async function readRunFolder(root: string, dir: string, known?: RunFolder): Promise<RunFolder | undefined> {
  const state = (name: string): Promise<FileState | undefined> => stateOf(join(dir, name))
  const [record, metrics, annotations] = await Promise.all([
    state(RUN_FILES.record),
    state(RUN_FILES.metrics),
    state(RUN_FILES.annotations),
  ])
  const stamp = `${record?.stamp ?? ''} ${metrics?.stamp ?? ''} ${annotations?.stamp ?? ''}`
  const same = record !== undefined && known?.stamp === stamp
  // Whether its process lives is asked of a run that says it runs; of all others these two tell nothing.
  if (same && known.record.status !== 'running') return known
  const [log, owner] = await Promise.all([state(RUN_FILES.log), state(RUN_FILES.owner)])
  if (record === undefined) {
    const traces = metrics ?? log ?? (await state(RUN_FILES.hparams))
    if (traces === undefined) return undefined
    throw new AppError('unreadable', `${RUN_FILES.record} is missing`, { file: dir })
  }
  const lastSign = Math.max(record.changed, metrics?.changed ?? 0, log?.changed ?? 0, owner?.changed ?? 0)
  if (same) return { ...known, lastSign }

  const parsed = await readRecord(root, dir)
  const { history, problems } = await readMetrics(root, dir)
  return { dir, record: parsed, recordWritten: record.changed, lastSign, problems, stamp, ...summarise(history) }
}

/** @throws AppError `unreadable`, `not_found` */
export async function readRecord(root: string, dir: string): Promise<RunRecord> {
  const text = await readNamed(root, dir, RUN_FILES.record, MAX_RECORD_BYTES)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new AppError('unreadable', `${RUN_FILES.record} is not valid JSON`, { file: dir })
  }
  const parsed = runRecordSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue === undefined ? '' : `${issue.path.join('.') || 'the whole'}: ${issue.message}`
  throw new AppError('unreadable', `${RUN_FILES.record} is not a run's record (${where})`, { file: dir })
}

export async function readNamed(root: string, dir: string, name: string, maxBytes: number): Promise<string> {
  try {
    return (await readInside(root, join(dir, name), maxBytes, 'refuse')).text
  } catch (error) {
    const known = AppError.from(error, 'unreadable')
    throw new AppError(known.code, `${name} ${known.message}`, { file: dir }, error)
  }
}

async function readMetrics(root: string, dir: string): Promise<MetricsFile> {
  try {
    return parseMetrics(await readNamed(root, dir, RUN_FILES.metrics, MAX_METRICS_BYTES))
  } catch (error) {
    return { history: [], problems: problemOf(error) }
  }
}

/** When `run.json` was last written, from a folder's stamp. */
export function recordWrittenOf(stamp: string): number {
  return Number(stamp.slice(0, stamp.indexOf(':')))
}

/** A missing file is no problem: a run that has just begun has no metrics yet. */
function problemOf(error: unknown): string[] {
  const known = AppError.from(error)
  return known.code === 'not_found' ? [] : [known.message]
}

export interface RunDetail {
  hparams: string
  history: MetricBatch[]
  log: string[]
  problems: string[]
}

/** The rest of a run's folder. */
export async function readRunDetail(root: string, dir: string): Promise<RunDetail> {
  const metrics = await readMetrics(root, dir)
  const texts = await readTexts(root, dir)
  return { ...texts, history: metrics.history, problems: [...metrics.problems, ...texts.problems] }
}

/** Configuration and log, however long the curves are. */
export async function readTexts(root: string, dir: string): Promise<Omit<RunDetail, 'history'>> {
  const problems: string[] = []
  const orEmpty = (error: unknown): string => {
    problems.push(...problemOf(error))
    return ''
  }
  const hparams = await readNamed(root, dir, RUN_FILES.hparams, MAX_HPARAMS_BYTES).catch(orEmpty)
  const log = await readLogTail(root, dir).catch((error: unknown) => {
    const known = AppError.from(error)
    if (known.code !== 'not_found') problems.push(`${RUN_FILES.log} ${known.message}`)
    return []
  })
  return { hparams, log, problems }
}

async function readLogTail(root: string, dir: string): Promise<string[]> {
  const { text, skipped } = await readInside(root, join(dir, RUN_FILES.log), LOG_TAIL_BYTES, 'end')
  const lines = text.split(/\r?\n/)
  // The first line is cut where the read began in the middle of the file.
  if (skipped > 0) lines.shift()
  if (lines.at(-1) === '') lines.pop()
  const short = (line: string) => (line.length > LOG_LINE_CHARACTERS ? `${line.slice(0, LOG_LINE_CHARACTERS)}…` : line)
  return lines.slice(-LOG_TAIL_LINES).map(short)
}
