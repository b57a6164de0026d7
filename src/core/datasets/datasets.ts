import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { DataConfig } from '../../shared/config/data'
import type { AppEvent } from '../../shared/api/events'
import type { RequestOutput } from '../../shared/api/requests'
import type { BrowseQuery, RowFilter } from '../../shared/domain/browse'
import { problemRowsSchema, SPLIT_NAMES, type ProblemRows, type ValidationReport } from '../../shared/domain/dataset'
import {
  datasetCheckSchema,
  type CreateDataset,
  type DatasetCheck,
  type DatasetEntry,
  type DatasetWorkKind,
  type PrepareRequest,
  type RowsInput,
} from '../../shared/domain/datasets'
import { statsResultSchema } from '../../shared/domain/preparation'
import { AppError } from '../../shared/errors'
import type { ConfigRoots } from '../config/resolveExperiment'
import { runInEngine, type EngineWatch } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'
import { prepareInEngine } from '../prep/prepareInEngine'
import { DatasetBrowser } from './browser'
import { planCommands, planCreate, planPrepare, type Plan } from './plan'
import { propose, withFiles } from './proposal'
import { DatasetRegistry, filesOf, fingerprintOf, keyOf, statOf, type KnownDataset } from './registry'
import { runPlan } from './runPlan'
import { DatasetWorks } from './works'
import { WorkspaceFolder } from './workspaceFolder'

export interface DatasetsOptions extends Pick<EngineWatch, 'readyTimeoutMs' | 'stopGraceMs'> {
  /** Undefined keeps everything for as long as the process lives. */
  dataDir: string | undefined
  roots: ConfigRoots
  spawner: EngineSpawner
  publish: (event: AppEvent) => void
}

/** Files that a folder is looked through for; deeper ones are found by picking their folder. */
const MOST_FILES = 200
const INTERESTING = /\.(parquet|jsonl|ndjson|json|csv|tsv|npy|npz|ya?ml)$/i

const cachedCheckSchema = z.object({ format: z.literal(1), fingerprint: z.string(), check: datasetCheckSchema })
const cachedRowsSchema = z.object({ format: z.literal(1), fingerprint: z.string(), rows: z.array(problemRowsSchema) })
const statsSchema = statsResultSchema.extend({ at: z.number() })
const cachedStatsSchema = z.object({ format: z.literal(1), fingerprint: z.string(), stats: statsSchema })

type Stats = z.infer<typeof statsSchema>

/** Everything that core does for the Data sets page. */
export class Datasets {
  readonly #options: DatasetsOptions
  readonly #workspace: WorkspaceFolder
  readonly #registry: DatasetRegistry
  readonly #works: DatasetWorks
  readonly #browser: DatasetBrowser
  /** The newest rows of problems: paging through them does not read the file again. */
  #rows: { key: string; fingerprint: string; rows: readonly ProblemRows[] } | undefined
  #sequence = 0

  constructor(options: DatasetsOptions) {
    this.#options = options
    this.#workspace = new WorkspaceFolder(options.dataDir)
    // What stands there was written for a page, and may name only what a page may.
    options.roots.files?.offer(this.#workspace.dir, 'read')
    this.#registry = new DatasetRegistry(options.roots, this.#workspace)
    this.#works = new DatasetWorks((payload) => options.publish({ event: 'dataset.work', payload }))
    const tell = (key: string, what: string, done: number, total: number | undefined): void =>
      options.publish({
        event: 'dataset.work',
        payload: {
          key,
          kind: 'open',
          state: done === total ? 'done' : 'running',
          label: 'Reading rows',
          what,
          done,
          ...(total !== undefined && { total }),
        },
      })
    this.#browser = new DatasetBrowser(
      options.spawner,
      (key) =>
        ({ what, done, total }) =>
          tell(key, what, done, total),
    )
  }

  list(): RequestOutput<'datasets.list'> {
    return { datasets: this.#registry.list().map((known) => this.#entry(known)), folder: this.#workspace.dir }
  }

  /** The sections of all data sets that can be read. */
  usable(): DataConfig[] {
    return this.#registry.list().flatMap(({ data }) => data ?? [])
  }

  register(paths: readonly string[]): { keys: string[] } {
    const files = paths.map((file) => this.#readable(file)).flatMap(configurationsIn)
    if (files.length === 0)
      throw new AppError('usage', 'No data configuration is among these files', {
        fix: 'Inspect them: rows of other forms are imported, and files that are in form are linked.',
      })
    const keys = files.flatMap((file) => this.#registry.register(file))
    this.#changed()
    return { keys }
  }

  async inspect(paths: readonly string[], stop: AbortSignal): Promise<RequestOutput<'datasets.inspect'>> {
    const real = paths.map((file) => this.#readable(file))
    const files = real.flatMap(filesIn).slice(0, MOST_FILES)
    if (files.length === 0)
      throw new AppError('not_found', 'There is no file here that could belong to a data set', {
        ...(real[0] !== undefined && { file: real[0] }),
        fix: 'Pairs are .parquet, .jsonl, .csv or .json, texts .json, vectors .npy.',
      })
    const result = await prepareInEngine({ task: 'inspect', files }, this.#options.spawner, {}, stop)
    return { files: result.files, ...propose(result.files, real) }
  }

  async create(given: CreateDataset): Promise<{ key: string; notes: string[] }> {
    const request = this.#checked(given)
    this.#workspace.refuseTaken(request.name)
    return this.#carryOut(planCreate(request, (name) => this.#workspace.folderOf(name)))
  }

  async prepare(request: PrepareRequest): Promise<{ key: string; notes: string[] }> {
    const plan = this.#planPrepare(request)
    if (plan.fresh) this.#workspace.refuseTaken(request.name)
    // The new configuration is the page's, and vouches for nothing: what the old one vouched for is allowed by itself.
    for (const file of filesOf(this.#registry.open(request.key).data)) this.#options.roots.files?.allow(file)
    return this.#carryOut(plan)
  }

  plan({ create, prepare }: { create?: CreateDataset; prepare?: PrepareRequest }): RequestOutput<'datasets.plan'> {
    if ((create === undefined) === (prepare === undefined))
      throw new AppError('usage', 'Ask for the plan of one thing: create or prepare')
    const plan = create
      ? planCreate(this.#checked(create), (name) => this.#workspace.folderOf(name))
      : this.#planPrepare(prepare!)
    return { commands: planCommands(plan), folder: plan.folder }
  }

  remove(key: string): { removed: string } {
    const known = this.#registry.find(key)
    if (known.source === 'bundled')
      throw new AppError('usage', 'The data sets of the bundled configuration stay on the list', {
        file: known.file,
        fix: 'They stand in that file.',
      })
    if (known.source === 'workspace') this.#workspace.forget(known.file)
    else this.#registry.unregister(known.file)
    this.#browser.forget(key)
    this.#changed()
    return { removed: known.file }
  }

  locate(key: string, given: string): { keys: string[] } {
    const [file] = configurationsIn(this.#readable(given))
    const known = this.#registry.find(key)
    if (known.source !== 'registered')
      throw new AppError('usage', 'Only a registered configuration can have moved', { file: known.file })
    if (file === undefined) throw new AppError('usage', 'This is no data configuration', { file: given })
    const keys = this.#registry.register(file)
    if (file !== known.file) this.#registry.unregister(known.file)
    this.#changed()
    return { keys }
  }

  async check(key: string, again: boolean): Promise<DatasetCheck> {
    const { data } = this.#registry.open(key)
    const fingerprint = fingerprintOf(data)
    const cached = again ? undefined : this.#cachedCheck(key, fingerprint)
    if (cached) return cached
    return this.#works.run({ key, kind: 'check', id: fingerprint, label: 'Checking' }, async (onWork, stop) => {
      const { spawner } = this.#options
      const request = { type: 'validate' as const, data, rows: true }
      const frame = await runInEngine(
        spawner,
        request,
        (news) => {
          if (news.type === 'work') onWork(news.work)
        },
        stop,
        this.#options,
      )
      if (frame.type !== 'validation')
        throw new AppError('engine_protocol', `The engine answered "${frame.type}" to "validate"`)
      return this.#keepCheck(key, fingerprint, frame.report, frame.rows ?? [])
    })
  }

  problems(key: string, problem: number, offset: number, limit: number): RequestOutput<'datasets.problems'> {
    const { check, rows } = this.#checkedRows(key)
    const described = check.problems[problem]
    const own = rows[problem]
    if (!described || !own)
      throw new AppError('usage', `The last check found ${check.problems.length} problems`, { key: 'problem' })
    const byLine = described.line !== undefined && described.row !== undefined
    return {
      total: described.count,
      listed: own.rows.length,
      places: own.rows.slice(offset, offset + limit).map((row, i) => ({
        row,
        ...(byLine && { line: row + 1 }),
        message: own.messages[offset + i] ?? described.message,
      })),
    }
  }

  async stats(key: string, again: boolean, topic: string): Promise<Stats> {
    const { data } = this.#registry.open(key)
    const fingerprint = `${fingerprintOf(data)} ${topic}`
    const cached = cachedStatsSchema.safeParse(again ? undefined : this.#workspace.readCache(`${key}.stats.json`))
    if (cached.success && cached.data.fingerprint === fingerprint) return cached.data.stats
    return this.#works.run({ key, kind: 'stats', id: fingerprint, label: 'Describing' }, async (onWork, stop) => {
      const splits = SPLIT_NAMES.flatMap((split) => (data[split] ? [{ split, file: data[split].df_file }] : []))
      const result = await prepareInEngine(
        { task: 'stats', splits, user: 'u_id', topic },
        this.#options.spawner,
        {
          onFrame: (frame) => {
            if (frame.type === 'work') onWork(frame.work)
          },
        },
        stop,
      )
      const stats = { ...result, at: Date.now() }
      this.#workspace.writeCache(`${key}.stats.json`, { format: 1, fingerprint, stats })
      return stats
    })
  }

  async rows({ key, filters, ...query }: RowsInput): Promise<RequestOutput<'datasets.rows'>> {
    const { data } = this.#registry.open(key)
    const answer = await this.#ask(key, data, {
      type: 'rows',
      ...query,
      filters: filters.map((filter): RowFilter =>
        filter.type === 'problem' ? this.#rowsOf(key, filter.problem) : filter,
      ),
    })
    if (answer.type === 'page') return answer.page
    throw new AppError('engine_protocol', 'The engine answered another question')
  }

  async row(key: string, split: RowsInput['split'], row: number): Promise<RequestOutput<'datasets.row'>> {
    const { data } = this.#registry.open(key)
    const answer = await this.#ask(key, data, { type: 'row', split, row })
    if (answer.type === 'row') return answer.row
    throw new AppError('engine_protocol', 'The engine answered another question')
  }

  cancel(key: string, kind: DatasetWorkKind): { cancelled: boolean } {
    if (kind !== 'open') return { cancelled: this.#works.cancel(key, kind) }
    this.#browser.forget(key)
    return { cancelled: true }
  }

  async close(): Promise<void> {
    this.#browser.close()
    await this.#works.close()
    this.#workspace.close()
  }

  async #ask(key: string, data: KnownDataset['data'] & object, query: BrowseQuery) {
    const answer = await this.#browser.ask(key, pairsFingerprint(data), data, query)
    if (answer.type === 'error') throw AppError.fromJSON(answer.error)
    return answer
  }

  #planPrepare(request: PrepareRequest): Plan {
    const known = this.#registry.open(request.key)
    const folder = this.#workspace.folderOf(request.name)
    const own =
      known.source === 'workspace' &&
      request.name === known.name &&
      SPLIT_NAMES.every((split) => !known.data[split] || isInside(path.dirname(known.file), known.data[split].df_file))
    return planPrepare(request, known, folder, own)
  }

  async #carryOut(plan: Plan): Promise<{ key: string; notes: string[] }> {
    const key = keyOf(plan.file, plan.name)
    const { spawner, roots } = this.#options
    const id = JSON.stringify(plan.steps)
    return this.#works.run({ key, kind: 'prepare', id, label: 'Preparing' }, async (onWork, stop) => {
      try {
        return { key, notes: await runPlan(plan, spawner, roots.cwd, onWork, stop) }
      } finally {
        this.#browser.forget(key)
        this.#changed()
      }
    })
  }

  /** The same request with real paths, each of which may be read. */
  #checked(request: CreateDataset): CreateDataset {
    return withFiles(request, (file) => this.#readable(file))
  }

  /** @throws AppError `forbidden_path` */
  #readable(given: string): string {
    const { files, cwd } = this.#options.roots
    const absolute = path.resolve(cwd, given)
    return files?.check(absolute) ?? absolute
  }

  #rowsOf(key: string, problem: number): RowFilter {
    const { rows } = this.#checkedRows(key)
    const own = rows[problem]
    if (own) return { type: 'rows', rows: own.rows }
    throw new AppError('usage', 'The last check found no such problem', { key: 'problem' })
  }

  #checkedRows(key: string): { check: DatasetCheck; rows: readonly ProblemRows[] } {
    const { data } = this.#registry.open(key)
    const fingerprint = fingerprintOf(data)
    const check = this.#cachedCheck(key, fingerprint)
    if (!check) throw new AppError('usage', 'The data set has changed since it was checked', { fix: 'Check it again.' })
    if (this.#rows?.key !== key || this.#rows.fingerprint !== fingerprint) {
      const cached = cachedRowsSchema.safeParse(this.#workspace.readCache(`${key}.rows.json`))
      if (!cached.success || cached.data.fingerprint !== fingerprint)
        throw new AppError('usage', 'The rows of the last check are gone', { fix: 'Check the data set again.' })
      this.#rows = { key, fingerprint, rows: cached.data.rows }
    }
    return { check, rows: this.#rows.rows }
  }

  #cachedCheck(key: string, fingerprint: string): DatasetCheck | undefined {
    const cached = cachedCheckSchema.safeParse(this.#workspace.readCache(`${key}.check.json`))
    return cached.success && cached.data.fingerprint === fingerprint ? cached.data.check : undefined
  }

  #keepCheck(key: string, fingerprint: string, report: ValidationReport, rows: ProblemRows[]): DatasetCheck {
    const problems = report.problems.map((problem, i) => ({ ...problem, listed: rows[i]?.rows.length ?? 0 }))
    const check: DatasetCheck = { problems, splits: [...report.splits], at: Date.now() }
    // Rows first: a check without its rows would be believed.
    this.#workspace.writeCache(`${key}.rows.json`, { format: 1, fingerprint, rows })
    this.#workspace.writeCache(`${key}.check.json`, { format: 1, fingerprint, check })
    this.#rows = { key, fingerprint, rows }
    this.#changed()
    return check
  }

  #entry({ key, name, file, source, data, error }: KnownDataset): DatasetEntry {
    const none = { dir: null, splits: [], embedder: null, features: [], checked: null }
    const work = this.#works.of(key)
    if (!data) {
      const missing = error?.code === 'not_found'
      return {
        ...none,
        ...{ key, name, file, source, state: missing ? 'missing' : 'broken', work },
        ...(error && { error: error.toJSON() }),
      }
    }
    const stateOf = (one: string): { file: string; bytes: number | null } => ({
      file: one,
      bytes: statOf(one)?.size ?? null,
    })
    const splits = SPLIT_NAMES.flatMap((split) => {
      const files = data[split]
      if (!files) return []
      return [
        { split, pairs: stateOf(files.df_file), texts: stateOf(files.text_file), vectors: stateOf(files.emb_file) },
      ]
    })
    const missing = splits.some(({ pairs, texts, vectors }) =>
      [pairs, texts, vectors].some(({ bytes }) => bytes === null),
    )
    const check = this.#cachedCheck(key, fingerprintOf(data))
    const embedder = data.embedder
    return {
      ...{ key, name, file, source, state: missing ? 'missing' : 'ready', dir: data.dts_path, splits, work },
      embedder: embedder ? `${embedder.provider} ${embedder.model}, ${embedder.dim} wide` : null,
      features: data.prefix_columns,
      checked: check ? summary(check) : null,
    }
  }

  #changed(): void {
    this.#options.publish({ event: 'datasets.changed', payload: { sequence: ++this.#sequence } })
  }
}

function summary({ problems, splits }: DatasetCheck): DatasetEntry['checked'] {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const sum = (key: 'pairs' | 'users'): number => splits.reduce((total, split) => total + split[key], 0)
  return { errors, warnings: problems.length - errors, pairs: sum('pairs'), users: sum('users') }
}

/** Rows are held by the pairs alone: new vectors do not make them stale. */
function pairsFingerprint(data: object): string {
  return SPLIT_NAMES.map((split) => {
    const file = String(Object(Reflect.get(data, split)).df_file ?? '')
    const stat = file === '' ? undefined : statOf(file)
    return `${file}\0${stat?.size}\0${stat?.mtimeMs}`
  }).join('\0')
}

function isInside(folder: string, file: string): boolean {
  return path.resolve(file).startsWith(`${path.resolve(folder)}${path.sep}`)
}

function configurationsIn(file: string): string[] {
  return filesIn(file).filter((one) => /\.ya?ml$/i.test(one))
}

/** A file itself, or what of a folder could belong to a data set. Links in it are not followed. */
function filesIn(file: string): string[] {
  if (!statOf(file)?.isDirectory()) return [file]
  return fs
    .readdirSync(file, { withFileTypes: true })
    .filter((entry) => entry.isFile() && INTERESTING.test(entry.name))
    .map((entry) => path.join(file, entry.name))
    .sort()
}
