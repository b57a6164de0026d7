import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { RUN_FILES, type RunRecord } from '../../../shared/domain/run'
import { AppError } from '../../../shared/errors'
import { VERSION } from '../../../shared/version'
import { flattenConfig } from '../flatten'
import type { Store } from '../openStore'
import { noteFolder, TRASH } from '../syncRuns'
import { EventReader, type EventData } from './eventReader'

export interface ImportedRun {
  id: string
  dir: string
  points: number
  problems: string[]
  /** Tags that hold no scalars and were left out. */
  otherTags: string[]
}

/** Log directories are a few levels deep; anything deeper is somebody's whole disk. */
const MAX_DEPTH = 8
const MAX_FOLDERS = 100_000
const MAX_HPARAMS_BYTES = 2 ** 20
const EVENT_FILE = /\.tfevents\./

/**
 * Reads TensorBoard logs: every folder below `dir` that holds event files is a run, as in TensorBoard. The files stay where
 * they are; read again, a folder is the same run.
 *
 * @throws AppError `unreadable`, `not_found`
 */
export function importTensorBoard(store: Store, dir: string, now = Date.now()): Promise<ImportedRun[]> {
  const root = realFolder(dir)
  const runs = eventFolders(root).map((folder) => importFolder(store, root, folder, now))
  if (runs.length > 0) noteFolder(store, root, 'tensorboard', now)
  return Promise.resolve(runs)
}

/** Folders below `root`, itself included, that hold event files and are no run folders of ours. Links are not followed. */
export function eventFolders(root: string): string[] {
  const found: string[] = []
  let seen = 0
  const walk = (folder: string, depth: number): void => {
    if (depth > MAX_DEPTH || ++seen > MAX_FOLDERS) return
    const entries = fs.readdirSync(folder, { withFileTypes: true })
    if (entries.some((entry) => entry.name === RUN_FILES.record)) return
    if (entries.some((entry) => entry.isFile() && EVENT_FILE.test(entry.name))) found.push(folder)
    for (const entry of entries)
      if (entry.isDirectory() && entry.name !== TRASH) walk(path.join(folder, entry.name), depth + 1)
  }
  walk(root, 0)
  return found.sort()
}

export function realFolder(dir: string): string {
  if (!fs.existsSync(dir))
    throw new AppError('not_found', `There is no folder ${dir}`, { file: dir, fix: 'Check the path.' })
  const real = fs.realpathSync(dir)
  if (fs.statSync(real).isDirectory()) return real
  throw new AppError('unreadable', `${dir} is not a folder`, {
    file: dir,
    fix: 'Give the folder that holds the run or the event files.',
  })
}

function importFolder(store: Store, root: string, dir: string, now: number): ImportedRun {
  const reader = new EventReader()
  const files = fs.readdirSync(dir).filter((name) => EVENT_FILE.test(name))
  // Their names begin with the second in which they were made.
  for (const name of files.sort()) reader.read(path.join(dir, name), name)
  const data = reader.finish()
  const { hparams, problems } = hparamsOf(dir, data)
  const record = recordOf(root, dir, data, hparams)
  const epochs = data.curves.get('epoch')?.values.reduce((most, value) => Math.max(most, value + 1), 0) ?? 0
  store.db.write('import TensorBoard run', () => {
    const { key } = store.runs.upsertFromFolder(
      {
        dir,
        logDir: root,
        record,
        status: record.status,
        reason: record.reason,
        epochs: Math.round(epochs),
        stamp: '',
        source: 'tensorboard',
      },
      now,
    )
    store.runs.setParams(key, 'params', flattenConfig(hparams))
    store.metrics.replace(key, data.curves)
  })
  const points = [...data.curves.values()].reduce((sum, { steps }) => sum + steps.length, 0)
  return { id: record.id, dir, points, problems: [...data.problems, ...problems], otherTags: data.otherTags }
}

/** The plugin's own, and what Lightning writes beside them; the file knows types that the plugin does not. */
function hparamsOf(dir: string, { session }: EventData): { hparams: object; problems: string[] } {
  const file = path.join(dir, RUN_FILES.hparams)
  try {
    const stat = fs.statSync(file, { throwIfNoEntry: false })
    if (!stat?.isFile() || stat.size > MAX_HPARAMS_BYTES) return { hparams: session.hparams, problems: [] }
    return { hparams: { ...session.hparams, ...Object(load(fs.readFileSync(file, 'utf8'))) }, problems: [] }
  } catch {
    return { hparams: session.hparams, problems: [`${RUN_FILES.hparams} cannot be read (it may hold Python objects)`] }
  }
}

function recordOf(root: string, dir: string, data: EventData, hparams: object): RunRecord {
  const { outcome, started, ended } = data.session
  const created = Math.round(data.first ?? started ?? fs.statSync(dir).mtimeMs)
  const said = (name: string): string => {
    const value: unknown = Reflect.get(hparams, name)
    return typeof value === 'string' && value !== '' ? value : 'unknown'
  }
  return {
    format: 1,
    id: idOf(dir),
    ...namesOf(root, dir),
    model_name: said('model_name'),
    dts_name: said('dts_name'),
    status: outcome === 'failure' ? 'failed' : 'finished',
    reason: outcome === 'success' ? undefined : 'From TensorBoard logs, which do not say how it ended',
    created,
    ended: Math.round(ended ?? data.last ?? created),
    pid: 0,
    host: '',
    command: '',
    version: VERSION,
    warnings: [],
  }
}

/** `lightning_logs/version_0` → experiment lightning_logs, version version_0. */
function namesOf(root: string, dir: string): { exp_name: string; exp_version: string } {
  const below = path.relative(root, dir).split(path.sep).filter(Boolean)
  const parts =
    below.length === 0 ? [path.basename(path.dirname(root)), path.basename(root)] : [path.basename(root), ...below]
  return { exp_name: parts.slice(0, -1).join('/') || 'tensorboard', exp_version: parts.at(-1) ?? '' }
}

/** The same folder is the same run, however often it is read. Shaped as a UUID. */
function idOf(dir: string): string {
  const hex = createHash('sha256').update(`tensorboard:${dir}`).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}
