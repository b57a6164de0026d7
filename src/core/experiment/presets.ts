import fs from 'node:fs'
import path from 'node:path'
import { MODEL_NAMES, experimentDocumentSchema, type ModelName } from '../../shared/config/experiment'
import { explain } from '../../shared/config/explain'
import { LONGEST_DOCUMENT, presetNameSchema, type Preset } from '../../shared/domain/experiment'
import { AppError, messageOf } from '../../shared/errors'
import type { ConfigRoots } from '../config/resolveExperiment'
import { parseYaml } from '../config/yamlText'
import { makeFolders } from '../folders'
import { valueAt } from './document'

/** What a preset never says: which data, and what the run is called. */
const NOT_IN_PRESETS = ['dts_name', 'dts_config_file', 'exp_name', 'exp_version'] as const
const EXTENSION = '.yaml'
/** What data there is, and the defaults: drafts begin with them anyhow. */
const NO_PRESETS = ['data_configs.yaml', 'exp_config.yaml']

interface Place {
  source: Preset['source']
  dir: string
}

/**
 * Named experiments without data: files of the installation and of the working folder (`configs/`, `configs/presets/`; any
 * of them can be given as `--config_file`), and the person's own in the data folder.
 */
export class Presets {
  readonly #places: Place[]
  readonly #own: string | undefined

  /** @param dataDir undefined where nothing is kept */
  constructor(roots: ConfigRoots, dataDir: string | undefined) {
    this.#own = dataDir === undefined ? undefined : path.join(dataDir, 'presets')
    const same = path.resolve(roots.cwd) === path.resolve(roots.installed)
    this.#places = [
      ...(this.#own === undefined ? [] : [{ source: 'own' as const, dir: this.#own }]),
      ...(same ? [] : placesIn('workspace', roots.cwd)),
      ...placesIn('installed', roots.installed),
    ]
  }

  /** The person's own first. A file that is no preset (a data configuration, a draft with mistakes) is none. */
  list(): Preset[] {
    const seen = new Set<string>()
    return this.#places.flatMap(({ source, dir }) =>
      filesIn(dir).flatMap((file): Preset[] => {
        const preset = this.#read(source, file)
        if (!preset || seen.has(preset.id)) return []
        seen.add(preset.id)
        return [preset]
      }),
    )
  }

  /** @throws AppError `not_found` */
  text(id: string): { preset: Preset; text: string } {
    const preset = this.list().find((one) => one.id === id)
    const text = preset && readText(preset.file)
    if (!preset || text === undefined)
      throw new AppError('not_found', `There is no preset "${id}"`, { fix: 'Choose one of the list.' })
    return { preset, text }
  }

  /**
   * @param yaml a document; what a preset never says is left out
   * @throws AppError `config_invalid` | `unwritable`
   */
  save(name: string, description: string, yaml: string): Preset {
    const dir = this.#own
    if (dir === undefined)
      throw new AppError('unwritable', 'There is no data folder to keep presets in', {
        fix: 'Start with --data-dir, or set DELTA_HOME.',
      })
    const file = path.join(dir, `${presetNameSchema.parse(name)}${EXTENSION}`)
    const lines = description
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
      .map((line) => `# ${line}\n`)
    makeFolders(dir)
    try {
      const beside = `${file}.${process.pid}.tmp`
      fs.writeFileSync(beside, `${lines.join('')}${lines.length > 0 ? '\n' : ''}${yaml}`)
      fs.renameSync(beside, file)
    } catch (cause) {
      throw new AppError('unwritable', `The preset cannot be written: ${messageOf(cause)}`, { file }, cause)
    }
    const preset = this.#read('own', file)
    if (preset) return preset
    fs.rmSync(file, { force: true })
    throw new AppError('config_invalid', 'The document has mistakes, and a preset would have them too', {
      fix: 'Repair it first.',
    })
  }

  /** @throws AppError `not_found` */
  delete(name: string): void {
    const file = this.#own && path.join(this.#own, `${presetNameSchema.parse(name)}${EXTENSION}`)
    if (file === undefined || !fs.existsSync(file))
      throw new AppError('not_found', `There is no preset "${name}" of your own`, { fix: 'Choose one of the list.' })
    fs.rmSync(file)
  }

  #read(source: Preset['source'], file: string): Preset | undefined {
    const name = path.basename(file, EXTENSION)
    const text = readText(file)
    if (text === undefined || !presetNameSchema.safeParse(name).success) return undefined
    const value = presetValue(text)
    if (value === undefined) return undefined
    const chosen = valueAt(value, ['model_name'])
    const sections = MODEL_NAMES.filter((model) => valueAt(value, [model]) !== undefined)
    const models = MODEL_NAMES.some((model) => model === chosen) ? [chosen as ModelName] : sections
    return {
      id: `${source}/${name}`,
      name,
      description: descriptionOf(text),
      source,
      file,
      models: models.length === MODEL_NAMES.length ? [] : models,
    }
  }
}

function placesIn(source: Preset['source'], root: string): Place[] {
  return [
    { source, dir: path.join(root, 'configs', 'presets') },
    { source, dir: path.join(root, 'configs') },
  ]
}

function filesIn(dir: string): string[] {
  try {
    return fs
      .readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(EXTENSION) && !NO_PRESETS.includes(entry.name))
      .map(({ name }) => path.join(dir, name))
      .sort()
  } catch {
    return []
  }
}

function readText(file: string): string | undefined {
  try {
    if (fs.statSync(file).size > LONGEST_DOCUMENT) return undefined
    return new TextDecoder('utf-8', { fatal: true }).decode(fs.readFileSync(file))
  } catch {
    return undefined
  }
}

/** What a preset says, or undefined where it is none. */
function presetValue(text: string): unknown {
  try {
    const { value } = parseYaml(text)
    // A data set of any name makes it a document.
    const document = { dts_name: 'any', ...Object(value) }
    const sections = Object.fromEntries(Object.entries(document).map(([key, one]) => [key, one ?? undefined]))
    const parsed = experimentDocumentSchema.safeParse(sections)
    if (!parsed.success) return explain(experimentDocumentSchema, sections, parsed.error).length > 0 ? undefined : value
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The comment that the file begins with. */
function descriptionOf(text: string): string {
  const lines: string[] = []
  for (const line of text.split('\n')) {
    const comment = /^#\s?(.*)$/.exec(line)
    if (!comment) break
    lines.push(comment[1]!.trim())
  }
  return lines.join(' ').slice(0, 500)
}

export const isNotInPresets = (key: string): boolean => NOT_IN_PRESETS.some((one) => one === key)
