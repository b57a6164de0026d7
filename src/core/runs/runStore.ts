import { readdir, realpath, stat } from 'node:fs/promises'
import type { Dirent } from 'node:fs'
import { join, resolve } from 'node:path'
import type { RequestOutput, RunSummary } from '../../shared/api/requests'
import { AppError } from '../../shared/errors'
import { hasEnded } from '../../shared/domain/lifecycle'
import { Sightings, here, liveStatus, type Surroundings } from './liveness'
import { isInside, isMissing, readingProblem } from './readInside'
import { readRunDetail, readRunFolder, type RunFolder } from './runFolder'

type Listing = RequestOutput<'runs.list'>

export interface Scan extends Listing {
  /** Equal signatures mean that a table of the runs would show the same. */
  signature: string
  /** Folders in which the next change is likely: of experiments, and of runs that are running. */
  folders: string[]
}

/** Folders read at the same time; more gain nothing on one disk. */
const CONCURRENT_READS = 32
/** Ended runs that a glance looks at, or a share of them, so that each has its turn within a few minutes. */
const ENDED_AT_A_GLANCE = 64
const MOST_GLANCES = 100
/** A folder that was changed a moment ago may change again without another time: file systems count in ticks. */
const SETTLED_MS = 2000

type Report = (dir: string, reason: string) => void

/** The folders in a folder as they were read, and what there was to say of others. */
interface Subfolders {
  found: string[]
  reports: [dir: string, reason: string][]
  /** Of the folder, where its time tells of the next change. */
  stamp: string | undefined
}

/** Which of the known folders are read again. */
interface Looking {
  /** Those of folders whose own time is the same still are taken as they were. */
  reuseLists: boolean
  isDue: (folder: RunFolder, place: number) => boolean
}
const ALL: Looking = { reuseLists: false, isDue: () => true }

/** The runs under one log folder, as `<exp_name>/<exp_version>/`. Keeps what it has read until a file changes. */
export class RunStore {
  readonly logDir: string
  readonly #surroundings: () => Surroundings
  readonly #sightings = new Sightings()
  #known = new Map<string, RunFolder>()
  readonly #lists = new Map<string, Subfolders>()
  #last: Scan | undefined
  /** The next ended run that a glance looks at, by its place among all. */
  #turn = 0

  constructor(logDir: string, surroundings: () => Surroundings = here) {
    this.logDir = resolve(logDir)
    this.#surroundings = surroundings
  }

  /** Takes folders as they were read before, by an earlier program: what has not changed since is not read again. */
  adopt(known: Iterable<RunFolder>): void {
    for (const folder of known) if (!this.#known.has(folder.dir)) this.#known.set(folder.dir, folder)
  }

  /** What the last scan found in a run's folder. */
  folder(dir: string): RunFolder | undefined {
    return this.#known.get(dir)
  }

  async list(): Promise<Listing> {
    const { runs, unreadable } = await this.scan()
    return { runs, unreadable }
  }

  /** What the run's folder says. */
  async get(id: string): Promise<Omit<RequestOutput<'runs.get'>, 'sequence' | 'transitions'>> {
    const { runs } = await this.scan()
    const run = runs.find((one) => one.id === id)
    if (run === undefined) {
      throw new AppError('not_found', `There is no run with the id "${id}" in ${this.logDir}`, {
        fix: 'It may have been deleted or moved since the list was read.',
      })
    }
    return { run, ...(await readRunDetail(await realpath(this.logDir), run.dir)) }
  }

  async scan(): Promise<Scan> {
    return this.#scan(ALL)
  }

  /**
   * A scan for somebody who looks again and again. What is new, what is gone and what happens to a run that has not ended is seen at once; of
   * those that have ended, thousands most often, some are looked at each time, in turn.
   */
  async glance(): Promise<Scan> {
    const from = this.#turn
    const to = from + Math.max(ENDED_AT_A_GLANCE, Math.ceil(this.#known.size / MOST_GLANCES))
    this.#turn = to < this.#known.size ? to : 0
    return this.#scan({
      // With the last of them everything is read anew.
      reuseLists: this.#turn !== 0,
      isDue: ({ record }, place) => !hasEnded(record.status) || (place >= from && place < to),
    })
  }

  async #scan(looking: Looking): Promise<Scan> {
    const unreadable: Listing['unreadable'] = []
    const root = await realpath(this.logDir).catch(() => undefined)
    if (root === undefined) {
      this.#known.clear()
      this.#lists.clear()
      this.#last = undefined
      return { runs: [], unreadable, signature: 'no folder', folders: [] }
    }
    const report: Report = (dir, reason) => void unreadable.push({ dir, reason })
    let relisted = false
    const list = async (dir: string): Promise<string[]> => {
      const { found, reports, fresh } = await this.#subfolders(root, dir, looking.reuseLists)
      relisted ||= fresh
      for (const [of, reason] of reports) report(of, reason)
      return found
    }
    const experiments = await list(this.logDir)
    const dirs: string[] = []
    for (const experiment of experiments) dirs.push(...(await list(experiment)))
    for (const dir of this.#lists.keys()) if (dir !== this.logDir && !experiments.includes(dir)) this.#lists.delete(dir)

    const due = dirs.filter((dir, place) => {
      const folder = this.#known.get(dir)
      return folder === undefined || looking.isDue(folder, place)
    })
    const { read, changed } = await this.#read(root, due, report)
    const sound = this.#last?.unreadable.length === 0 && unreadable.length === 0
    if (this.#last && sound && !relisted && !changed) return this.#last
    const folders = this.#keep(dirs, due, read)
    const runs = this.#summaries(folders, report)
    runs.sort((a, b) => b.created - a.created || a.dir.localeCompare(b.dir))
    unreadable.sort((a, b) => a.dir.localeCompare(b.dir))
    const signature = JSON.stringify([
      runs.map(({ id, dir, status }) => [id, dir, status, this.#known.get(dir)?.stamp]),
      unreadable,
    ])
    const live = runs.filter(({ status }) => status === 'running').map(({ dir }) => dir)
    const found = { runs, unreadable, signature, folders: [this.logDir, ...experiments, ...live] }
    this.#last = found
    return found
  }

  async #read(
    root: string,
    due: readonly string[],
    report: Report,
  ): Promise<{ read: Map<string, RunFolder>; changed: boolean }> {
    const read = new Map<string, RunFolder>()
    let changed = false
    for (let from = 0; from < due.length; from += CONCURRENT_READS) {
      const batch = due.slice(from, from + CONCURRENT_READS).map(async (dir) => {
        try {
          const known = this.#known.get(dir)
          const folder = await readRunFolder(root, dir, known)
          if (folder) read.set(dir, folder)
          // A run that says it runs may have lost its process.
          changed ||= folder !== known || folder?.record.status === 'running'
        } catch (error) {
          report(dir, AppError.from(error, 'unreadable').message)
        }
      })
      await Promise.all(batch)
    }
    return { read, changed }
  }

  /** Those that were not read as they are known by now: somebody else may have read them meanwhile. */
  #keep(dirs: readonly string[], due: readonly string[], read: Map<string, RunFolder>): RunFolder[] {
    if (due.length < dirs.length) {
      const asked = new Set(due)
      for (const dir of dirs) {
        const folder = asked.has(dir) ? undefined : this.#known.get(dir)
        if (folder) read.set(dir, folder)
      }
    }
    this.#known = read
    return dirs.flatMap((dir) => read.get(dir) ?? [])
  }

  #summaries(folders: readonly RunFolder[], report: Report): RunSummary[] {
    const surroundings = this.#surroundings()
    const folderOf = new Map<string, string>()
    const runs: RunSummary[] = []
    for (const folder of folders) {
      const { record, dir, figures, epochs } = folder
      const first = folderOf.get(record.id)
      if (first !== undefined) {
        report(dir, `is a copy: its run.json has the same id as the run in ${first}`)
        continue
      }
      folderOf.set(record.id, dir)
      for (const problem of folder.problems) report(dir, problem)
      const silence = this.#sightings.silence(dir, folder.lastSign, surroundings.monotonic)
      runs.push({ ...record, ...liveStatus(record, folder, surroundings, silence), dir, figures, epochs })
    }
    return runs
  }

  /** Folders in a folder; links count where they stay inside the log folder. */
  async #subfolders(root: string, dir: string, reuse: boolean): Promise<Subfolders & { fresh: boolean }> {
    // Asked before it is read: what is changed in between has another time.
    const stamp = await stampOf(dir)
    const known = this.#lists.get(dir)
    if (reuse && known && stamp !== undefined && known.stamp === stamp) return { ...known, fresh: false }
    const read = { ...(await readSubfolders(root, dir)), stamp }
    this.#lists.set(dir, read)
    return { ...read, fresh: true }
  }
}

/** Undefined of a folder that is not there, or that may have been changed since without another time. */
async function stampOf(dir: string): Promise<string | undefined> {
  try {
    const { mtimeMs, ino } = await stat(dir)
    return mtimeMs < Date.now() - SETTLED_MS ? `${mtimeMs}:${ino}` : undefined
  } catch {
    return undefined
  }
}

async function readSubfolders(root: string, dir: string): Promise<Omit<Subfolders, 'stamp'>> {
  const reports: Subfolders['reports'] = []
  let entries: Dirent[]
  try {
    entries = await readdir(dir, { withFileTypes: true })
  } catch (error) {
    // It was there a moment ago: somebody is deleting it.
    if (!isMissing(error)) reports.push([dir, readingProblem(error)])
    return { found: [], reports }
  }
  const found: string[] = []
  for (const entry of entries) {
    const path = join(dir, entry.name)
    if (entry.name.startsWith('.')) continue
    if (entry.isDirectory()) found.push(path)
    else if (entry.isSymbolicLink()) {
      const real = await realpath(path).catch(() => undefined)
      if (real === undefined) continue
      if (isInside(root, real)) found.push(path)
      else reports.push([path, 'is a link out of the log folder and is not followed'])
    }
  }
  return { found: found.sort(), reports }
}
