import fs from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import type { z } from 'zod'
import { AppError } from '../../shared/errors'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import { dataSectionSchema, type DataConfig, type SplitFiles } from '../../shared/config/data'
import {
  MODEL_NAMES,
  experimentFileSchema,
  experimentSchema,
  type ExperimentConfig,
  type ModelName,
} from '../../shared/config/experiment'
import { explain, knownKeys, type ConfigFinding } from '../../shared/config/explain'
import { didYouMean } from '../../shared/config/nearest'
import type { FileRoots } from '../files/fileRoots'
import { readYamlFile, type YamlFile } from './yamlFile'

/** What a person gave on the command line or in the form: every field overrides the files only when it is present. */
export interface ExperimentRequest {
  dts_name: string
  dts_config_file?: string
  config_file?: string
  exp_name?: string
  exp_version?: string
  model_name?: string
  rw_model_name?: string
  features?: string
  backend?: string
  threads?: unknown
  /** Dotted keys of `exp_config.yaml` and the values they take, e.g. `trainer.batch_size` → 32. */
  overrides?: ReadonlyMap<string, { value: unknown; flag: string }>
}

export interface ResolvedExperiment {
  config: ExperimentConfig
  warnings: string[]
}

/** Where configuration files are looked for when no file is named: the working folder first, then the installation. */
export interface ConfigRoots {
  cwd: string
  installed: string
  /** What a page may name. Absent for the command line, where a person types the paths. */
  files?: FileRoots
}

/**
 * Files and flags → one validated experiment with absolute paths. Every finding of a file is reported at once.
 *
 * @throws AppError `config_invalid` | `not_found` | `unreadable`
 */
export function resolveExperiment(request: ExperimentRequest, roots: ConfigRoots): ResolvedExperiment {
  const data = resolveData(request, roots)
  const { sections, parsed } = experimentFile(request.config_file, roots)

  const model = chooseModel(request.model_name)
  const raw = {
    ...(request.exp_name !== undefined && { exp_name: request.exp_name }),
    ...(request.exp_version !== undefined && { exp_version: request.exp_version }),
    ...(request.rw_model_name !== undefined && { rw_model_name: request.rw_model_name }),
    ...(request.backend !== undefined && { backend: request.backend }),
    ...(request.threads !== undefined && { threads: request.threads }),
    ...(request.features !== undefined && { features: parseFeatures(request.features) }),
    model_name: model,
    data,
    trainer: { ...parsed.trainer },
    [model]: { ...parsed[model], ...featureSwitch(model, request.features) },
  }
  const findings = applyOverrides(raw, request.overrides ?? new Map())
  if (findings.length > 0) throw fromFlags(findings)
  const result = experimentSchema.safeParse(raw)
  if (!result.success) {
    const flags = request.overrides ?? new Map<string, { flag: string }>()
    throw fromFlags(
      explain(experimentSchema, raw, result.error).map(({ keys, message }) => {
        // `--set trainer.betas=[0.9, 2]` is at fault in trainer.betas.1.
        const given = keys.map((_, i) => keys.slice(0, i + 1).join('.')).find((key) => flags.has(key))
        return `${(given !== undefined && flags.get(given)?.flag) || `--${keys.join('.')}`} ${message}`
      }),
    )
  }
  return { config: result.data, warnings: warningsOf(sections, result.data) }
}

/**
 * The sections of `exp_config.yaml`: as they stand in the file, and with defaults filled in.
 *
 * @throws AppError `config_invalid` | `not_found` | `unreadable`
 */
export function experimentFile(
  given: string | undefined,
  roots: ConfigRoots,
): { file: string; sections: unknown; parsed: z.infer<typeof experimentFileSchema> } {
  const file = readYamlFile(findConfig(given, 'exp_config.yaml', roots))
  const sections = withoutEmpty(file.value)
  const parsed = experimentFileSchema.safeParse(sections)
  if (!parsed.success) throw invalid(file, explain(experimentFileSchema, sections, parsed.error))
  return { file: file.file, sections, parsed: parsed.data }
}

/** Names of the data sets in a data configuration. */
export function dataSections(
  request: Pick<ExperimentRequest, 'dts_config_file'>,
  roots: ConfigRoots,
): { file: string; names: string[] } {
  const { file, value } = readYamlFile(findConfig(request.dts_config_file, 'data_configs.yaml', roots))
  return { file, names: typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [] }
}

/** Reads one section of `data_configs.yaml` and makes its paths absolute. */
export function resolveData(
  request: Pick<ExperimentRequest, 'dts_name' | 'dts_config_file'>,
  roots: ConfigRoots,
): DataConfig {
  const file = readYamlFile(dataConfigFile(request.dts_config_file, roots))
  if (typeof file.value !== 'object' || file.value === null || Array.isArray(file.value))
    throw new AppError('config_invalid', 'A data configuration holds one section per data set', {
      file: file.file,
      line: 1,
    })
  const names = Object.keys(file.value)
  const name = request.dts_name
  if (!Object.hasOwn(file.value, name))
    throw new AppError('config_invalid', `There is no data set "${name}".${didYouMean(name, names)}`, {
      file: file.file,
      fix: `Known data sets: ${names.join(', ') || 'none'}.`,
    })
  const section: unknown = Reflect.get(file.value, name)
  const parsed = dataSectionSchema.safeParse(section)
  if (!parsed.success) throw invalid(file, explain(dataSectionSchema, section, parsed.error), [name])

  const vouched = roots.files === undefined || roots.files.vouches(file.file)
  const unexpanded: ConfigFinding[] = []
  const absolute = (base: string, given: string, keys: PropertyKey[]): string => {
    const resolved = path.resolve(base, given)
    if (!vouched) roots.files?.check(resolved)
    if (/^~|\$\{?\w|%\w+%/.test(given) && !fs.existsSync(resolved))
      unexpanded.push({
        keys,
        message: `"${given}": "~" and environment variables are not expanded. Write the path out`,
      })
    return resolved
  }
  const { dts_name, vocab_file, ...rest } = parsed.data
  const root = absolute(path.dirname(path.resolve(file.file)), rest.dts_path, ['dts_path'])
  const splits: Partial<Record<(typeof SPLIT_NAMES)[number], SplitFiles>> = {}
  for (const split of SPLIT_NAMES) {
    const files = parsed.data[split]
    if (!files) continue
    splits[split] = {
      df_file: absolute(root, files.df_file, [split, 'df_file']),
      text_file: absolute(root, files.text_file, [split, 'text_file']),
      emb_file: absolute(root, files.emb_file, [split, 'emb_file']),
      ...(files.bow_file !== undefined && { bow_file: absolute(root, files.bow_file, [split, 'bow_file']) }),
      ...(files.reward_file !== undefined && {
        reward_file: absolute(root, files.reward_file, [split, 'reward_file']),
      }),
    }
  }
  const config = {
    ...rest,
    ...splits,
    dts_name: dts_name ?? name,
    dts_path: root,
    ...(vocab_file !== undefined && { vocab_file: absolute(root, vocab_file, ['vocab_file']) }),
  }
  if (unexpanded.length > 0) throw invalid(file, unexpanded, [name])
  return config
}

/** The data configuration that {@link resolveData} reads. */
export function dataConfigFile(given: string | undefined, roots: ConfigRoots): string {
  return findConfig(given, 'data_configs.yaml', roots)
}

function findConfig(given: string | undefined, name: string, roots: ConfigRoots): string {
  if (given !== undefined) {
    const file = path.resolve(roots.cwd, given)
    // Not by its real path: what it names is relative to where it was found.
    roots.files?.check(file)
    return file
  }
  const own = path.join(roots.cwd, 'configs', name)
  return fs.existsSync(own) ? own : path.join(roots.installed, 'configs', name)
}

function chooseModel(name: string = 'caimira'): ModelName {
  const model = MODEL_NAMES.find((known) => known === name)
  if (model) return model
  throw new AppError('config_invalid', `There is no model "${name}".${didYouMean(name, MODEL_NAMES)}`, {
    key: 'model_name',
    fix: `Known models: ${MODEL_NAMES.join(', ')}.`,
  })
}

function parseFeatures(text: string): string | string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (names.length === 1 && (names[0] === 'all' || names[0] === 'none')) return names[0]
  if (names.length === 0)
    throw new AppError('config_invalid', '--features names no feature', {
      fix: 'Give all, none, or columns and prefixes separated by commas: --features user_age,user_region',
    })
  return names
}

/** `--features` wins over `has_user_features` of the file, for the models that have that key. */
function featureSwitch(model: ModelName, features: string | undefined): object {
  if (features === undefined || !knownKeys(experimentFileSchema, [model]).includes('has_user_features')) return {}
  return { has_user_features: parseFeatures(features) !== 'none' }
}

/** A section whose keys are all commented out is there and holds nothing. */
function withoutEmpty(file: unknown): unknown {
  if (file === null) return {}
  if (typeof file !== 'object' || Array.isArray(file)) return file
  return Object.fromEntries(Object.entries(file).map(([name, section]) => [name, section === null ? {} : section]))
}

/** Writes `trainer.batch_size` and the like into `raw`, and takes out what becomes null; returns a sentence for each key that nothing knows. */
function applyOverrides(
  raw: Record<string, unknown>,
  overrides: ReadonlyMap<string, { value: unknown; flag: string }>,
): string[] {
  const findings: string[] = []
  const sections = ['trainer', ...MODEL_NAMES.filter((name) => Object.hasOwn(raw, name))]
  for (const [dotted, { value, flag }] of overrides) {
    const [section, key, ...deeper] = dotted.split('.')
    if (section === undefined || key === undefined || deeper.length > 0 || !sections.includes(section)) {
      const known = sections.flatMap((name) => knownKeys(experimentFileSchema, [name]).map((leaf) => `${name}.${leaf}`))
      findings.push(`${flag}: there is no key "${dotted}".${didYouMean(dotted, known)}`)
      continue
    }
    const known = knownKeys(experimentFileSchema, [section])
    if (!known.includes(key)) {
      findings.push(`${flag}: ${section} has no key "${key}".${didYouMean(key, known)}`)
      continue
    }
    const changed = new Map(Object.entries(Object(raw[section])))
    if (value === null) changed.delete(key)
    else changed.set(key, value)
    raw[section] = Object.fromEntries(changed)
  }
  return findings
}

/** A value as YAML reads it: `1e-6`, `true`, `[0.9, 0.95]`, `none`. */
export function parseScalar(text: string): unknown {
  try {
    return load(text)
  } catch {
    return text
  }
}

/** More help nobody: it is the wrong file. */
const MOST_FINDINGS = 30

/** Findings of a file, each with its line. */
export function invalid(
  file: YamlFile,
  findings: readonly ConfigFinding[],
  base: readonly PropertyKey[] = [],
): AppError {
  const places = findings.slice(0, MOST_FINDINGS).map(({ keys, message }) => {
    const all = [...base, ...keys]
    return { line: file.lineOf(all), key: all.join('.'), message }
  })
  const first = places[0]
  const more = findings.length - places.length
  return new AppError(
    'config_invalid',
    findings.length === 1 && first
      ? `${first.key || 'The file'}: ${first.message}`
      : `${findings.length} mistakes in the configuration`,
    {
      file: file.file,
      ...(first?.line !== undefined && { line: first.line }),
      ...(findings.length === 1 && first && { key: first.key }),
      ...(findings.length > 1 && {
        findings: [
          ...places.map(({ line, key, message }) => `${line === undefined ? '' : `line ${line}, `}${key}: ${message}`),
          ...(more > 0 ? [`and ${more} more`] : []),
        ],
      }),
    },
  )
}

function fromFlags(findings: readonly string[]): AppError {
  return findings.length === 1
    ? new AppError('config_invalid', findings[0] ?? '')
    : new AppError('config_invalid', `${findings.length} mistakes in the settings`, { findings })
}

function warningsOf(sections: unknown, config: ExperimentConfig): string[] {
  const warnings: string[] = []
  const trainer: unknown =
    typeof sections === 'object' && sections !== null ? Reflect.get(sections, 'trainer') : undefined
  if (typeof trainer === 'object' && trainer !== null && Object.hasOwn(trainer, 'num_workers'))
    warnings.push('trainer.num_workers is ignored: data is held in memory and needs no loader processes')
  if (!config.data.dev)
    warnings.push(
      config.data.test
        ? 'There is no dev split: test is used for validation, so test figures are optimistic'
        : 'There is neither a dev nor a test split: nothing is validated, and the last checkpoint is the result',
    )
  if (config.features !== 'none' && !usesFeatures(config))
    warnings.push(
      `${config.model_name} does not use user features: --features changes nothing${config.model_name === 'model2' ? ' unless model2.feature_mode is gate' : ''}`,
    )
  const section: unknown = Reflect.get(config, config.model_name)
  if (Reflect.get(Object(section), 'centering') === 'side')
    warnings.push(
      `${config.model_name}.centering is "side": it tells the model which answer was chosen, so its accuracy is not a result (a leak)`,
    )
  return warnings
}

function usesFeatures(config: ExperimentConfig): boolean {
  switch (config.model_name) {
    case 'model1':
      return config.model1.has_user_features !== false
    case 'model2':
      return config.model2.feature_mode === 'gate'
    case 'ntm':
      return true
    case 'caimira':
    case 'lore':
    case 'bt':
      return false
  }
}
