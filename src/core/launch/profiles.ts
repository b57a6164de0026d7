import fs from 'node:fs'
import path from 'node:path'
import { dump } from 'js-yaml'
import { nameSchema } from '../../shared/config/experiment'
import type { Cluster } from '../../shared/domain/cluster'
import type { ClusterSummary } from '../../shared/domain/clusters'
import { LONGEST_DOCUMENT } from '../../shared/domain/experiment'
import { AppError, messageOf } from '../../shared/errors'
import type { DesktopShell } from '../files/desktopShell'
import { makeFolders } from '../folders'
import { replaceFile } from '../service/recordFile'
import { soundCluster } from './clusterDocument'

const EXTENSION = '.yaml'
/** What decides whose machine is spoken to, and what runs there and here: a page alone must not. */
const PROGRAMS = ['host', 'ssh_options', 'remote_dir', 'delta', 'preamble'] as const satisfies (keyof Cluster)[]
/** More than a person reads in a question. */
const LONGEST_QUESTION = 2_000

/** The profiles of clusters in the workbench's own folder, `clusters/NAME.yaml`: what `delta sweep --cluster NAME` takes too. */
export class ClusterProfiles {
  readonly #dir: string | undefined
  readonly #shell: DesktopShell | undefined

  /** @param dataDir undefined where nothing is kept */
  constructor(dataDir: string | undefined, shell?: DesktopShell) {
    this.#dir = dataDir === undefined ? undefined : path.join(dataDir, 'clusters')
    this.#shell = shell
  }

  list(): ClusterSummary[] {
    return this.#names().map((name) => {
      const file = this.#fileOf(name)
      const nothing = { host: null, partition: null, time: null, throttle: null }
      try {
        const { host, partition, time, throttle } = this.cluster(name)
        const known = { host: host ?? null, partition: partition ?? null, time: time ?? null }
        return { name, file, problem: null, ...known, throttle: throttle ?? null }
      } catch (thrown) {
        return { name, file, problem: AppError.from(thrown).message, ...nothing }
      }
    })
  }

  /** @throws AppError `not_found`, `unreadable` */
  text(name: string): string {
    const file = this.find(name)
    if (file === undefined)
      throw new AppError('not_found', `There is no profile "${name}" of a cluster`, {
        fix: 'Choose one of the list, or write it under Settings → Clusters.',
      })
    try {
      if (fs.statSync(file).size <= LONGEST_DOCUMENT) return fs.readFileSync(file, 'utf8')
    } catch (cause) {
      throw new AppError('unreadable', `${file} cannot be read: ${messageOf(cause)}`, { file }, cause)
    }
    throw new AppError('unreadable', `${file} is longer than any profile`, { file })
  }

  /** @throws AppError `not_found`, `unreadable`, `config_invalid` */
  cluster(name: string): Cluster {
    return soundCluster(this.text(name))
  }

  /** The file of a stored profile; undefined where there is none of that name. */
  find(name: string): string | undefined {
    if (this.#dir === undefined || !nameSchema.safeParse(name).success) return undefined
    const file = this.#fileOf(name)
    return fs.lstatSync(file, { throwIfNoEntry: false })?.isFile() === true ? file : undefined
  }

  /**
   * Keeps a sound profile. What it has run, unless a stored one has the same run, is shown to the person, outside of the page.
   *
   * @returns whether it was kept
   * @throws AppError `config_invalid`, `usage`, `unwritable`
   */
  async save(name: string, yaml: string, former?: string): Promise<boolean> {
    const cluster = soundCluster(yaml)
    const file = this.#target(name)
    if (name !== former && fs.existsSync(file))
      throw new AppError('usage', `There is a profile "${name}" already`, { key: 'name', fix: 'Choose another name.' })
    if (!(await this.#agreed(name, cluster))) return false
    this.#write(file, yaml)
    if (former !== undefined && former !== name) fs.rmSync(this.#fileOf(former), { force: true })
    return true
  }

  /** @throws AppError `not_found`, `unreadable`, `unwritable` */
  copy(name: string): string {
    const yaml = this.text(name)
    const taken = new Set(this.#names())
    for (let n = 2; ; n++) {
      const copy = `${name.slice(0, 90)}-${n}`
      if (taken.has(copy)) continue
      this.#write(this.#target(copy), yaml)
      return copy
    }
  }

  /** @throws AppError `not_found`, `unwritable` */
  delete(name: string): void {
    this.text(name)
    try {
      fs.rmSync(this.#fileOf(name))
    } catch (cause) {
      throw new AppError('unwritable', `The profile cannot be deleted: ${messageOf(cause)}`, {}, cause)
    }
  }

  async #agreed(name: string, cluster: Cluster): Promise<boolean> {
    const asked = programsOf(cluster)
    if (asked === '' || this.#names().some((one) => this.#programsOf(one) === asked)) return true
    if (this.#shell === undefined)
      throw new AppError('usage', `A served page may not set ${namesIn(cluster)} of a cluster's profile`, {
        file: this.#fileOf(name),
        fix: `Write the text into ${this.#fileOf(name)} on the machine that serves it; everything else can be changed here.`,
      })
    if (asked.length > LONGEST_QUESTION)
      throw new AppError('usage', 'What this profile has run is too long to be shown and agreed to', {
        fix: `Keep the lines in a script on the cluster and name that, or write the profile into ${this.#fileOf(name)}.`,
      })
    return this.#shell.confirm({
      title: 'Delta Workbench',
      message: `Keep the cluster “${name}”, which says this about where trials run and what runs before them?`,
      detail: asked,
      yes: 'Keep it',
    })
  }

  #programsOf(name: string): string {
    try {
      return programsOf(this.cluster(name))
    } catch {
      return ''
    }
  }

  #names(): string[] {
    try {
      return fs
        .readdirSync(this.#dir ?? '', { withFileTypes: true })
        .flatMap((entry) =>
          entry.isFile() && entry.name.endsWith(EXTENSION) ? [path.basename(entry.name, EXTENSION)] : [],
        )
        .filter((name) => nameSchema.safeParse(name).success)
        .sort()
    } catch {
      return []
    }
  }

  #fileOf(name: string): string {
    return path.join(this.#dir ?? '', `${name}${EXTENSION}`)
  }

  #target(name: string): string {
    if (this.#dir === undefined)
      throw new AppError('unwritable', 'There is no data folder to keep profiles in', {
        fix: 'Start with --data-dir, or set DELTA_HOME.',
      })
    makeFolders(this.#dir)
    return this.#fileOf(name)
  }

  #write(file: string, yaml: string): void {
    try {
      replaceFile(file, yaml)
    } catch (cause) {
      throw new AppError('unwritable', `The profile cannot be written: ${messageOf(cause)}`, { file }, cause)
    }
  }
}

const saysSomething = (value: unknown): boolean => value !== undefined && value !== '' && !isEmptyList(value)
const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0

/** As YAML in which nothing is hidden: control characters and what turns text around are written as escapes. */
function programsOf(cluster: Cluster): string {
  const said = PROGRAMS.filter((key) => saysSomething(cluster[key])).map((key) => [key, cluster[key]])
  if (said.length === 0) return ''
  return dump(Object.fromEntries(said), { lineWidth: -1 }).replaceAll(
    /[^\P{C}\n]/gu,
    (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`,
  )
}

const namesIn = (cluster: Cluster): string => PROGRAMS.filter((key) => saysSomething(cluster[key])).join(', ')
