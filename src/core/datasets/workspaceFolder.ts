import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { dump } from 'js-yaml'
import type { z } from 'zod'
import type { dataSectionSchema } from '../../shared/config/data'
import { AppError, messageOf } from '../../shared/errors'
import { makeFolders } from '../folders'

/** How `delta data` writes a configuration, so that it knows its own work again (see `recordInSection.ts`). */
const STYLE = { flowLevel: 2, lineWidth: 200 }
export const DATA_CONFIG_FILE = 'data_configs.yaml'
/** What a configuration is called whose data set was taken off the list. */
const REMOVED_FILE = 'data_configs.removed.yaml'

/**
 * The data sets that were made in the window: one folder each, with a configuration of its own, so that the command line takes it as it
 * is and the folder can be moved as a whole. See docs/adr/0022-data-sets-are-configuration-files.md.
 */
export class WorkspaceFolder {
  readonly dir: string
  /** Where results are kept that can be made again. */
  readonly cache: string
  readonly #temporary: boolean

  /** @param dataDir undefined takes a folder that goes with this process */
  constructor(dataDir: string | undefined) {
    this.#temporary = dataDir === undefined
    this.dir =
      dataDir === undefined ? path.join(os.tmpdir(), `delta-datasets-${randomUUID()}`) : path.join(dataDir, 'datasets')
    this.cache = path.join(this.dir, '.cache')
  }

  folderOf(name: string): string {
    return path.join(this.dir, name)
  }

  /** Configurations of all data sets of the workspace. */
  configurations(): string[] {
    let names: string[]
    try {
      names = fs.readdirSync(this.dir).sort()
    } catch {
      return []
    }
    return names.map((name) => path.join(this.dir, name, DATA_CONFIG_FILE)).filter((file) => fs.existsSync(file))
  }

  owns(file: string): boolean {
    return path.dirname(path.dirname(file)) === this.dir
  }

  /** @throws AppError `usage` where a data set of that name was made before */
  refuseTaken(name: string): void {
    const folder = this.folderOf(name)
    // A link to nothing is something, too.
    if (!fs.lstatSync(folder, { throwIfNoEntry: false })) return
    throw new AppError('usage', `There is a data set "${name}" already`, {
      key: 'name',
      fix: fs.existsSync(path.join(folder, DATA_CONFIG_FILE))
        ? 'Choose another name.'
        : `Choose another name, or delete the folder ${folder}, which a data set that was taken off the list has left.`,
    })
  }

  /** Its files stay where they are. */
  forget(file: string): void {
    try {
      fs.renameSync(file, path.join(path.dirname(file), REMOVED_FILE))
    } catch (cause) {
      throw new AppError('unwritable', `${file} cannot be renamed: ${messageOf(cause)}`, { file }, cause)
    }
  }

  writeCache(name: string, value: unknown): void {
    const file = path.join(this.cache, name)
    const draft = `${file}.${process.pid}.tmp`
    try {
      makeFolders(this.cache)
      fs.writeFileSync(draft, JSON.stringify(value))
      fs.renameSync(draft, file)
    } catch {
      // Without it the work is done again.
      fs.rmSync(draft, { force: true })
    }
  }

  /** Whatever stands there, or undefined. */
  readCache(name: string): unknown {
    try {
      return JSON.parse(fs.readFileSync(path.join(this.cache, name), 'utf8'))
    } catch {
      return undefined
    }
  }

  close(): void {
    if (this.#temporary) fs.rmSync(this.dir, { recursive: true, force: true })
  }
}

export function sectionYaml(name: string, section: z.input<typeof dataSectionSchema>): string {
  return dump({ [name]: section }, STYLE)
}
