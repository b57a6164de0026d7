import { existsSync, lstatSync } from 'node:fs'
import { readdir, realpath } from 'node:fs/promises'
import path from 'node:path'
import { load } from 'js-yaml'
import type { RequestOutput, RunSummary } from '../../shared/api/requests'
import { runRecordSchema, RUN_FILES } from '../../shared/domain/run'
import { hasEnded } from '../../shared/domain/lifecycle'
import { AppError } from '../../shared/errors'
import { environmentSchema } from '../reproduce/environment'
import { here, liveStatus, type Surroundings } from '../runs/liveness'
import { fileStamp, readNamed, readRunDetail, readRunFolder, recordWrittenOf, type RunFolder } from '../runs/runFolder'
import { RunStore } from '../runs/runStore'
import { parseAnnotations } from './annotations'
import { columnsOf } from './columns'
import { flattenConfig } from './flatten'
import { readResults } from './results'
import type { RunRow, RunSource } from './runTable'
import type { Store } from './openStore'

type Unreadable = RequestOutput<'runs.list'>['unreadable']

/** Deleted runs wait here, inside their log folder: to move one there is a rename. */
export const TRASH = '.trash'
const MAX_SMALL_FILE_BYTES = 2 ** 20

export interface Synced {
  /** Folders that cannot be read, with the reason. */
  unreadable: Unreadable
  /** The history was not in line with the folders. */
  changed: boolean
}

/**
 * Brings the history in line with the run folders of a log folder. Reads only what has changed since: of 10,000 runs that
 * did not, a few file states each.
 *
 * @param folders of that log folder, where somebody looks through it again and again
 */
export async function syncLogDir(
  store: Store,
  logDir: string,
  surroundings: () => Surroundings = here,
  folders = new RunStore(logDir, surroundings),
): Promise<Synced> {
  const root = path.resolve(logDir)
  await adoptKnown(store, folders)
  const before = store.db.written()
  const rows = store.runs.inLogDir(root)
  const { runs, unreadable } = await folders.scan()
  const { now } = surroundings()
  const byId = new Map(rows.map((row) => [row.id, row]))
  const broken = new Set(unreadable.map(({ dir }) => dir))
  for (const run of runs) {
    const folder = folders.folder(run.dir)
    const row = byId.get(run.id)
    byId.delete(run.id)
    if (!folder) continue
    const same = row?.stamp === stampOf(folder) && row.dir === run.dir
    if (same) observe(store, row, folder, run, now)
    else await index(store, root, folder, run, row?.source ?? 'trained', now)
  }
  for (const { key, dir, source } of byId.values())
    if (dir !== null && source !== 'tensorboard' && !broken.has(dir)) store.runs.markMissing(key, dir, now)
  await syncTrash(store, root, now)
  const changed = store.db.written() !== before
  if (runs.length > 0) noteFolder(store, root, 'runs', now)
  return { unreadable, changed }
}

/** A status that only the time or a process has changed, since the files are as they were. */
function observe(store: Store, row: RunRow, folder: RunFolder, { status, reason }: RunSummary, now: number): void {
  if (status === row.status && (reason ?? null) === row.reason) return
  store.db.write('observe run', () => {
    const known = store.runs.find(row.id)
    if (known && isAsRead(folder)) store.runs.setObserved(known, status, reason, now)
  })
}

/**
 * Whether a run's record is still the one that was read. Whoever moves a run or changes its status holds the write lock while
 * they write its record, so that under that lock a look that came too early is told from a true one.
 */
function isAsRead({ dir, stamp }: RunFolder): boolean {
  const record = lstatSync(path.join(dir, RUN_FILES.record), { throwIfNoEntry: false })
  return record !== undefined && stamp.split(' ')[0] === fileStamp(record)
}

/**
 * Indexes one run's folder, wherever it lies.
 *
 * @returns the run's id
 * @throws AppError `unreadable` where it is none
 */
export async function syncRun(
  store: Store,
  dir: string,
  source: RunSource = 'trained',
  surroundings: () => Surroundings = here,
): Promise<string> {
  const real = await realpath(dir)
  const root = path.dirname(path.dirname(real))
  const folder = await readRunFolder(real, real)
  if (!folder) throw new AppError('unreadable', `${dir} is not the folder of a run`, { file: dir })
  const around = surroundings()
  const known = store.runs.find(folder.record.id)
  const seen = liveStatus(folder.record, folder, around)
  if (!(await index(store, root, folder, seen, known?.source ?? source, around.now))) return folder.record.id
  const results = hasEnded(folder.record.status) ? await readResults(real) : []
  store.results.set(store.runs.get(folder.record.id).key, results)
  noteFolder(store, root, 'runs', around.now)
  return folder.record.id
}

/** Remembers where runs lie, so that a lost database is filled again. */
export function noteFolder(store: Store, folder: string, kind: 'runs' | 'tensorboard', now: number): void {
  store.db.write('note folder', () =>
    store.db
      .statement(
        'INSERT INTO folders (path, kind, synced) VALUES (?, ?, ?) ON CONFLICT (path) DO UPDATE SET synced = excluded.synced',
      )
      .run(folder, kind, Math.round(now)),
  )
  store.remember(folder, kind)
}

/** A folder with files that cannot be read is read again each time, so that it is told each time. */
function stampOf(folder: RunFolder): string {
  return folder.problems.length > 0 ? '' : folder.stamp
}

/** Others have their turn after so many runs. */
const ADOPTED_AT_ONCE = 200

/** Spares a look through folders that have not been read yet those that are as the history knows them. */
export async function adoptKnown(store: Store, folders: RunStore): Promise<void> {
  const rows = store.runs
    .inLogDir(folders.logDir)
    .filter(({ dir, stamp }) => dir !== null && stamp !== null && stamp !== '' && !folders.folder(dir))
  for (let from = 0; from < rows.length; from += ADOPTED_AT_ONCE) {
    folders.adopt(rows.slice(from, from + ADOPTED_AT_ONCE).flatMap((row) => knownFolder(store, row)))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function knownFolder(store: Store, { key, dir, record, stamp }: RunRow): RunFolder[] {
  if (dir === null || record === null || stamp === null || stamp === '') return []
  const parsed = runRecordSchema.safeParse(JSON.parse(record))
  if (!parsed.success) return []
  const figures = store.metrics.figures(key).flatMap(({ name, last }) => (last === null ? [] : [[name, last] as const]))
  const recordWritten = recordWrittenOf(stamp)
  const epochs = store.runs.epochs(key)
  return [
    {
      dir,
      record: parsed.data,
      recordWritten,
      lastSign: recordWritten,
      problems: [],
      stamp,
      figures: Object.fromEntries(figures),
      epochs,
    },
  ]
}

/** @returns whether the folder was still as it was read: a run that was moved or changed meanwhile is left to the next look */
async function index(
  store: Store,
  logDir: string,
  folder: RunFolder,
  { status, reason }: Pick<ReturnType<typeof liveStatus>, 'status' | 'reason'>,
  source: RunSource,
  now: number,
): Promise<boolean> {
  const { dir, record, epochs } = folder
  const root = await realpath(logDir)
  const { hparams, history } = await readRunDetail(root, dir)
  const read = (name: string): Promise<string> => readNamed(root, dir, name, MAX_SMALL_FILE_BYTES).catch(() => '')
  const annotations = parseAnnotations(await read(RUN_FILES.annotations))
  const environment = environmentSchema.safeParse(parseObject(await read(RUN_FILES.environment))).data
  const { files = {}, ...described } = environment ?? {}
  return store.db.write('index run folder', () => {
    if (!isAsRead(folder)) return false
    const { key } = store.runs.upsertFromFolder(
      { dir, logDir, record, status, reason, epochs, stamp: stampOf(folder), source },
      now,
    )
    const config = parseYaml(hparams)
    store.runs.setParams(key, 'params', flattenConfig(config))
    store.runs.setParams(key, 'environment', flattenConfig(described))
    store.runs.setFiles(
      key,
      Object.entries(files).flatMap(([role, file]) => (file === null ? [] : [{ role, ...file }])),
    )
    const dataPath: unknown = Reflect.get(Object(Reflect.get(config, 'data')), 'dts_path')
    if (typeof dataPath === 'string') store.runs.setDataset(key, record.dts_name, dataPath)
    store.annotations.set(key, annotations)
    // Asked under the write lock: another workbench may have taken the run while its files were read.
    const owned = store.runs.find(record.id)?.owner_pid ?? null
    // A workbench that owns the run has appended every batch itself.
    if (owned === null) store.metrics.replace(key, columnsOf(history))
    return true
  })
}

function parseYaml(text: string): object {
  try {
    return Object(load(text))
  } catch {
    // Told already as a problem of the run's folder.
    return {}
  }
}

function parseObject(text: string): object {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

/** Runs in the trash that a rebuilt history does not know yet. */
async function syncTrash(store: Store, logDir: string, now: number): Promise<void> {
  const trash = path.join(logDir, TRASH)
  const names = await readdir(trash).catch(() => [])
  const known = new Map(store.runs.inTrashOf(logDir).map((row) => [row.trash_dir, row]))
  for (const name of names) {
    const dir = path.join(trash, name)
    if (known.delete(dir)) continue
    const folder = await readRunFolder(dir, dir).catch(() => undefined)
    if (!folder || store.runs.find(folder.record.id)?.dir) continue
    if (await index(store, logDir, folder, folder.record, 'trained', now))
      store.runs.markTrashed(folder.record.id, now, dir)
  }
  // Emptied by hand. What was moved here or away since the names were read is not: its row or its folder says so.
  for (const { key, id, trash_dir } of known.values())
    if (trash_dir !== null && !existsSync(trash_dir) && store.runs.find(id)?.trash_dir === trash_dir)
      store.runs.forget(key)
}
