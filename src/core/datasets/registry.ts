import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { DataConfig } from '../../shared/config/data'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import type { DatasetEntry } from '../../shared/domain/datasets'
import { AppError } from '../../shared/errors'
import { dataConfigFile, dataSections, resolveData, type ConfigRoots } from '../config/resolveExperiment'
import { makeFolders } from '../folders'
import type { WorkspaceFolder } from './workspaceFolder'

const REGISTERED_FILE = 'registered.json'
const registeredSchema = z.object({ format: z.literal(1), files: z.array(z.string().min(1)).max(10_000) })

/** A data set that is known, with its resolved section where it can be used. */
export interface KnownDataset {
  readonly key: string
  readonly name: string
  readonly file: string
  readonly source: DatasetEntry['source']
  readonly data: DataConfig | null
  readonly error: AppError | null
}

/** Which data sets there are: sections of the bundled configuration, of those of the workspace, and of those that were registered. */
export class DatasetRegistry {
  readonly #roots: ConfigRoots
  readonly #workspace: WorkspaceFolder

  constructor(roots: ConfigRoots, workspace: WorkspaceFolder) {
    this.#roots = roots
    this.#workspace = workspace
  }

  list(): KnownDataset[] {
    const bundled = dataConfigFile(undefined, this.#roots)
    const registered = this.registered().filter((file) => file !== bundled)
    return [
      ...this.#sections(bundled, 'bundled'),
      ...this.#workspace.configurations().flatMap((file) => this.#sections(file, 'workspace')),
      ...registered.flatMap((file) => this.#sections(file, 'registered')),
    ]
  }

  /** @throws AppError `not_found` */
  find(key: string): KnownDataset {
    const found = this.list().find((one) => one.key === key)
    if (found) return found
    throw new AppError('not_found', `There is no data set "${key.slice(0, 200)}"`, {
      fix: 'It was taken off the list, or renamed in its configuration: see the list.',
    })
  }

  /** One whose section can be used. @throws AppError of the configuration, `not_found` */
  open(key: string): KnownDataset & { data: DataConfig } {
    const known = this.find(key)
    if (known.data === null) throw known.error ?? new AppError('internal', 'The section cannot be read')
    return { ...known, data: known.data }
  }

  /** @returns keys of its data sets. @throws AppError where the configuration cannot be read */
  register(file: string): string[] {
    dataSections({ dts_config_file: file }, this.#roots)
    const files = this.registered()
    const bundled = dataConfigFile(undefined, this.#roots)
    const known = files.includes(file) || file === bundled || this.#workspace.owns(file)
    if (!known) this.#write([...files, file])
    return this.list().flatMap((one) => (one.file === file ? [one.key] : []))
  }

  unregister(file: string): void {
    this.#write(this.registered().filter((one) => one !== file))
  }

  registered(): string[] {
    try {
      const text = fs.readFileSync(path.join(this.#workspace.dir, REGISTERED_FILE), 'utf8')
      return registeredSchema.parse(JSON.parse(text)).files
    } catch {
      // None yet, or broken: whoever registers a file again repairs it.
      return []
    }
  }

  #write(files: string[]): void {
    const file = path.join(this.#workspace.dir, REGISTERED_FILE)
    const draft = `${file}.${process.pid}.tmp`
    makeFolders(this.#workspace.dir)
    try {
      fs.writeFileSync(draft, `${JSON.stringify({ format: 1, files }, null, 2)}\n`)
      fs.renameSync(draft, file)
    } catch (cause) {
      fs.rmSync(draft, { force: true })
      throw new AppError('unwritable', 'The list of data sets cannot be written', { file }, cause)
    }
  }

  #sections(file: string, source: KnownDataset['source']): KnownDataset[] {
    let names: string[]
    try {
      ;({ names } = dataSections({ dts_config_file: file }, this.#roots))
    } catch (thrown) {
      // Without an installed configuration there is nothing to say about it.
      if (source === 'bundled' && !fs.existsSync(file)) return []
      const name = path.basename(file)
      return [{ key: keyOf(file, ''), name, file, source, data: null, error: AppError.from(thrown) }]
    }
    return names.map((name) => {
      const known = { key: keyOf(file, name), name, file, source }
      try {
        return { ...known, data: resolveData({ dts_name: name, dts_config_file: file }, this.#roots), error: null }
      } catch (thrown) {
        return { ...known, data: null, error: AppError.from(thrown) }
      }
    })
  }
}

/** Told apart by its file, told to a person by its name. */
export function keyOf(file: string, name: string): string {
  const slug = name.replaceAll(/[^\p{L}\p{N}_.-]+/gu, '-').slice(0, 60)
  return `${slug}~${createHash('sha256').update(`${file}\0${name}`).digest('hex').slice(0, 10)}`
}

/** What changes when a file of the data set does, or its section. */
export function fingerprintOf(data: DataConfig): string {
  const hash = createHash('sha256').update(JSON.stringify(data))
  for (const file of filesOf(data)) {
    const stat = statOf(file)
    hash.update(`\0${file}\0${stat?.size}\0${stat?.mtimeMs}`)
  }
  return hash.digest('hex')
}

export function filesOf(data: DataConfig): string[] {
  return SPLIT_NAMES.flatMap((split) => Object.values(data[split] ?? {}))
}

export function statOf(file: string): fs.Stats | undefined {
  try {
    return fs.statSync(file)
  } catch {
    return undefined
  }
}
