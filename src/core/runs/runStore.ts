import { readdir, realpath } from 'node:fs/promises'
import type { Dirent } from 'node:fs'
import { join, resolve } from 'node:path'
import type { RequestOutput, RunSummary } from '../../shared/api/requests'
import { AppError } from '../../shared/errors'
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

/** The runs under one log folder, as `<exp_name>/<exp_version>/`. Keeps what it has read until a file changes. */
export class RunStore {
  readonly logDir: string
  readonly #surroundings: () => Surroundings
  readonly #sightings = new Sightings()
  #known = new Map<string, RunFolder>()

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
    const unreadable: Listing['unreadable'] = []
    const root = await realpath(this.logDir).catch(() => undefined)
    if (root === undefined) {
      this.#known.clear()
      return { runs: [], unreadable, signature: 'no folder', folders: [] }
    }
    const report = (dir: string, reason: string) => unreadable.push({ dir, reason })
    const experiments = await this.#subfolders(root, this.logDir, report)
    const dirs: string[] = []
    for (const experiment of experiments) dirs.push(...(await this.#subfolders(root, experiment, report)))

    const folders = await this.#readAll(root, dirs, report)
    const runs = this.#summaries(folders, report)
    runs.sort((a, b) => b.created - a.created || a.dir.localeCompare(b.dir))
    unreadable.sort((a, b) => a.dir.localeCompare(b.dir))
    const signature = JSON.stringify([
      runs.map(({ id, dir, status }) => [id, dir, status, this.#known.get(dir)?.stamp]),
      unreadable,
    ])
    const live = runs.filter(({ status }) => status === 'running').map(({ dir }) => dir)
    return { runs, unreadable, signature, folders: [this.logDir, ...experiments, ...live] }
  }

  async #readAll(
    root: string,
    dirs: readonly string[],
    report: (dir: string, reason: string) => void,
  ): Promise<RunFolder[]> {
    const known = new Map<string, RunFolder>()
    for (let from = 0; from < dirs.length; from += CONCURRENT_READS) {
      const batch = dirs.slice(from, from + CONCURRENT_READS).map(async (dir) => {
        try {
          const folder = await readRunFolder(root, dir, this.#known.get(dir))
          if (folder) known.set(dir, folder)
        } catch (error) {
          report(dir, AppError.from(error, 'unreadable').message)
        }
      })
      await Promise.all(batch)
    }
    this.#known = known
    return dirs.flatMap((dir) => known.get(dir) ?? [])
  }

  #summaries(folders: readonly RunFolder[], report: (dir: string, reason: string) => void): RunSummary[] {
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
  async #subfolders(root: string, dir: string, report: (dir: string, reason: string) => void): Promise<string[]> {
    let entries: Dirent[]
    try {
      entries = await readdir(dir, { withFileTypes: true })
    } catch (error) {
      // It was there a moment ago: somebody is deleting it.
      if (!isMissing(error)) report(dir, readingProblem(error))
      return []
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
        else report(path, 'is a link out of the log folder and is not followed')
      }
    }
    return found.sort()
  }
}
