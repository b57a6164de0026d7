import path from 'node:path'
import { dump } from 'js-yaml'
import type { ExperimentInput } from '../../shared/api/requests'
import { nameSchema, type ExperimentConfig } from '../../shared/config/experiment'
import { explain, type ConfigFinding } from '../../shared/config/explain'
import { fieldOf, fieldsOf, type FormField } from '../../shared/config/formFields'
import { didYouMean } from '../../shared/config/nearest'
import { rungsOf } from '../../shared/domain/halving'
import { parseSeeds } from '../../shared/domain/seeds'
import {
  LONGEST_SWEEP_NAME,
  METHOD_OPTIONS,
  MOST_TRIALS,
  directionOf,
  sweepFileSchema,
  type Direction,
  type Parameter,
  type ParameterValue,
  type Point,
  type SweepFile,
} from '../../shared/domain/sweep'
import { AppError } from '../../shared/errors'
import { invalid, type ConfigRoots } from '../config/resolveExperiment'
import { readYamlFile } from '../config/yamlFile'
import { readDocument, resolveRequest } from '../experiment/document'
import { grid, type Search } from './methods'
import { countOf, same, spaceOf, type Dimension } from './space'

/** A sweep that holds: every key, value and file of it has been checked. */
export interface SweepPlan {
  /** Of the experiment that its runs belong to. */
  name: string
  sweep: SweepFile
  direction: Direction
  seeds: readonly number[]
  search: Search
  /** The base, as a command line would say it, and as it is resolved. */
  request: ExperimentInput
  config: ExperimentConfig
  /** Epochs at which asha halves. */
  rungs: readonly number[]
  warnings: string[]
}

/** Keys of the base that a sweep sets itself. */
const OWN_KEYS = ['trainer.seed']

/**
 * Reads a sweep's file and resolves its base. Every finding is reported at once, with its line.
 *
 * @throws AppError `config_invalid` | `not_found` | `unreadable`
 */
export function readSweep(given: string, roots: ConfigRoots): SweepPlan {
  const file = readYamlFile(path.resolve(roots.cwd, given))
  const read = planOf(file.value, path.basename(given).replace(/\.ya?ml$/i, ''), roots)
  if ('findings' in read) throw invalid(file, read.findings)
  return read.plan
}

/**
 * What a sweep's text comes to: a plan, or every finding.
 *
 * @param value what YAML makes of the text
 * @param fileName what it is called where its base has no exp_name
 * @throws AppError of a file that the base names
 */
export function planOf(
  value: unknown,
  fileName: string,
  roots: ConfigRoots,
): { plan: SweepPlan } | { findings: ConfigFinding[] } {
  const raw = withoutShorthands(value)
  const parsed = sweepFileSchema.safeParse(raw)
  if (!parsed.success) return { findings: explain(sweepFileSchema, raw, parsed.error) }
  const sweep = parsed.data
  const base = baseOf(value, sweep, roots)
  if ('findings' in base) return base
  const { request, config, warnings } = base
  const named = Object.hasOwn(Object(Reflect.get(Object(value), 'base')), 'exp_name')
  const name = named ? sweep.base.exp_name : fileName

  const findings: ConfigFinding[] = [...nameFindings(name, named), ...keyFindings(sweep, config)]
  if (findings.length > 0) return { findings }
  const seeds = sweep.seeds ?? [config.trainer.seed]
  const search = searchOf(sweep, seeds.length)
  if (!search) return { findings: [{ keys: ['parameters'], message: 'the conditions under `when` go in a circle' }] }
  const { space, direction } = search
  const rungs = rungsOfSweep(sweep, config)
  findings.push(
    ...valueFindings(space, request, roots),
    ...budgetFindings(sweep, space, seeds.length),
    ...metricFindings(sweep, config),
    ...optionFindings(sweep, value, rungs),
  )
  if (findings.length > 0) return { findings }
  return {
    plan: {
      ...{ name, sweep, direction, seeds, request, config, rungs, search },
      warnings: [...warnings, ...oddities(sweep, direction, space, search.points)],
    },
  }
}

/** Epochs at which asha halves; none for other methods. */
export function rungsOfSweep({ method, options }: SweepFile, { trainer }: Pick<ExperimentConfig, 'trainer'>): number[] {
  return method === 'asha' ? rungsOf(options.min_epochs, options.reduction, trainer.max_epochs) : []
}

/** How the points of a sweep are found; undefined where its conditions go in a circle. */
export function searchOf(sweep: SweepFile, seeds: number): Search | undefined {
  const { method, metric, options, budget } = sweep
  const space = spaceOf(sweep.parameters, (key) => fieldOf(key)?.kind === 'int')
  if (!space) return undefined
  const { seed, startup, batch } = options
  const points = Math.floor((budget.trials ?? MOST_TRIALS) / seeds)
  return { method, direction: sweep.direction ?? directionOf(metric), space, points, seed, startup, batch }
}

/** What one trial trains, and the request that trains the same alone. Its batches are those of `data_seed`, which all trials share. */
export function trialExperiment(
  { request, config, name }: Pick<SweepPlan, 'request' | 'config' | 'name'>,
  point: Point,
  seed: number,
  exp_version: string,
  roots: ConfigRoots,
): { request: ExperimentInput; config: ExperimentConfig } {
  const { trainer } = config
  const own = withPoint(request, point)
  const one: ExperimentInput = {
    ...own,
    exp_name: name,
    exp_version,
    changes: { 'trainer.data_seed': trainer.data_seed ?? trainer.seed, ...own.changes, 'trainer.seed': seed },
  }
  return { request: one, config: resolveRequest(one, roots).config }
}

/** Parameters that are no key of a section: flags of their own. */
const SETTINGS = ['rw_model_name', 'features'] as const

function withPoint(request: ExperimentInput, point: Point): ExperimentInput {
  const changes: ExperimentInput['changes'] = { ...request.changes }
  const settings: Partial<Record<(typeof SETTINGS)[number], string>> = {}
  for (const [key, value] of Object.entries(point)) {
    const setting = SETTINGS.find((name) => name === key)
    if (setting) settings[setting] = String(value)
    else changes[key] = Array.isArray(value) ? [...value] : isScalar(value) ? value : null
  }
  return { ...request, ...settings, changes }
}

function isScalar(value: ParameterValue): value is Exclude<ParameterValue, readonly number[] | null> {
  return value !== null && typeof value !== 'object'
}

/** `key: [1, 2]` stands for `key: { values: [1, 2] }`, and `seeds: 1..4` for the list. */
export function withoutShorthands(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw
  const written: Record<string, unknown> = { ...raw }
  const { seeds, parameters, options } = written
  if (typeof seeds === 'string' || typeof seeds === 'number') written['seeds'] = parseSeeds(String(seeds)) ?? seeds
  // A section without keys.
  if (parameters === null) written['parameters'] = {}
  if (typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters))
    written['parameters'] = Object.fromEntries(
      Object.entries(parameters).map(([key, one]) => [key, Array.isArray(one) ? { values: one } : one]),
    )
  for (const [key, one] of Object.entries({ options, budget: written['budget'] })) if (one === null) delete written[key]
  return written
}

function baseOf(
  value: unknown,
  { base }: SweepFile,
  roots: ConfigRoots,
): { request: ExperimentInput; config: ExperimentConfig; warnings: string[] } | { findings: ConfigFinding[] } {
  const given: unknown = Reflect.get(Object(value), 'base')
  const { sound, problems } = readDocument(dump(given ?? base, { noRefs: true }), roots)
  if (sound) return sound
  const findings = problems.map(({ key, message }) => ({
    keys: ['base', ...key.split('.').filter(Boolean)],
    message: message.replaceAll('\n', ' '),
  }))
  return { findings }
}

function nameFindings(name: string, named: boolean): ConfigFinding[] {
  const keys = named ? ['base', 'exp_name'] : ['base']
  const whose = named ? '' : `takes the file's name, "${name}", as the name of its experiment, and it `
  const fix = named ? '' : '. Set exp_name'
  const parsed = nameSchema.safeParse(name)
  if (!parsed.success) return [{ keys, message: `${whose}${parsed.error.issues[0]?.message ?? 'is no name'}${fix}` }]
  return name.length > LONGEST_SWEEP_NAME
    ? [{ keys, message: `${whose}must have at most ${LONGEST_SWEEP_NAME} characters${fix}` }]
    : []
}

function keyFindings({ parameters, method, base }: SweepFile, config: ExperimentConfig): ConfigFinding[] {
  const fields = fieldsOf(config.model_name).filter(({ key, section }) => section !== null || isSetting(key))
  const known = fields.map(({ key }) => key).filter((key) => !OWN_KEYS.includes(key))
  const findings: ConfigFinding[] = []
  const add = (key: string, message: string, ...deeper: string[]): void =>
    void findings.push({ keys: ['parameters', key, ...deeper], message })
  if (Object.keys(parameters).length === 0) findings.push({ keys: ['parameters'], message: 'names no key to try' })
  if (base.exp_version !== 'v0')
    findings.push({ keys: ['base', 'exp_version'], message: 'is given by the sweep: t000-s0, t000-s1, …' })
  for (const [key, parameter] of Object.entries(parameters)) {
    const field = fields.find((one) => one.key === key)
    if (OWN_KEYS.includes(key)) add(key, 'is no parameter: list the seeds under `seeds`')
    else if (!field) add(key, `there is no key "${key}" that ${config.model_name} can try.${didYouMean(key, known)}`)
    else if (method === 'asha' && ['trainer.max_epochs', 'trainer.max_steps'].includes(key))
      add(key, 'cannot be tried by asha, which gives the epochs itself')
    else {
      const fault = shapeFault(parameter, field, method === 'grid')
      if (fault !== undefined) add(key, fault)
    }
    const twice = parameter.values?.find((value, i, all) => all.findIndex((one) => same(one, value)) < i)
    if (twice !== undefined) add(key, `lists ${JSON.stringify(twice)} twice`, 'values')
    for (const [name, wanted] of Object.entries(parameter.when ?? {})) {
      const other = name === key || !Object.hasOwn(parameters, name) ? undefined : parameters[name]
      if (!other) {
        const hint = didYouMean(name, Object.keys(parameters))
        add(key, `a condition names another parameter, and "${name}" is none.${hint}`, 'when')
        continue
      }
      const never = [wanted].flat().find((value) => !takes(other, value))
      if (never !== undefined)
        add(
          key,
          `waits for ${name} to be ${JSON.stringify(never)}, which it never is${choicesOf(other, never)}`,
          'when',
          name,
        )
    }
  }
  return findings
}

/** Whether a parameter can have a value. */
function takes({ values, min = -Infinity, max = Infinity }: Parameter, value: ParameterValue): boolean {
  if (values) return values.some((one) => same(one, value))
  return typeof value === 'number' && value >= min && value <= max
}

function choicesOf({ values }: Parameter, wanted: ParameterValue): string {
  return values ? `.${didYouMean(String(wanted), values.map(String))}` : ''
}

const isSetting = (key: string): boolean => SETTINGS.some((name) => name === key)

/** What is wrong with a parameter, beside its values. */
function shapeFault(
  { values, min, max, step, scale }: Parameter,
  { kind }: FormField,
  needsValues: boolean,
): string | undefined {
  if (values)
    return [min, max, step, scale].some((one) => one !== undefined)
      ? 'has values and a range; give one of them'
      : undefined
  if (min === undefined || max === undefined) return 'needs a list of values, or min and max'
  if (kind !== 'number' && kind !== 'int') return 'takes no range: list its values'
  if (min >= max) return `min must be less than max, not ${min} and ${max}`
  if (scale === 'log' && min <= 0) return `min must be more than 0 where the scale is log, not ${min}`
  if (kind === 'int' && [min, step ?? 1].some((one) => !Number.isInteger(one)))
    return 'takes whole numbers: so must be min and step'
  if (needsValues && step === undefined && kind !== 'int') return 'needs a list of values, or a step, for a grid'
  if (needsValues && scale === 'log') return 'needs a list of values: a grid has no log scale'
  return undefined
}

/** Every listed value, and both ends of a range, must be possible for the base. */
function valueFindings(space: readonly Dimension[], request: ExperimentInput, roots: ConfigRoots): ConfigFinding[] {
  return space.flatMap((dimension) => {
    const { key } = dimension
    const values = dimension.kind === 'choice' ? dimension.values : [dimension.min, dimension.max]
    return values.flatMap((value, i): ConfigFinding[] => {
      try {
        resolveRequest(withPoint(request, { [key]: value }), roots)
        return []
      } catch (thrown) {
        const { message, details } = AppError.from(thrown)
        const said = [message, ...(details.findings ?? [])].join('; ').replace(new RegExp(`^-*${escape(key)}:? `), '')
        const at = dimension.kind === 'choice' ? ['values', i] : [i === 0 ? 'min' : 'max']
        return [{ keys: ['parameters', key, ...at], message: said }]
      }
    })
  })
}

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

function budgetFindings({ method, budget }: SweepFile, space: readonly Dimension[], seeds: number): ConfigFinding[] {
  if (budget.trials !== undefined && budget.trials < seeds)
    return [
      {
        keys: ['budget', 'trials'],
        message: `must be at least the number of seeds, ${seeds}, not ${budget.trials}: a point is trained with each`,
      },
    ]
  if (method !== 'grid')
    return budget.trials === undefined
      ? [{ keys: ['budget', 'trials'], message: `is required by ${method}: trials (points × seeds) at most` }]
      : []
  const most = Math.floor(MOST_TRIALS / seeds)
  const tooMany = budget.trials === undefined && grid(space, most + 1).length > most
  return tooMany
    ? [
        {
          keys: ['parameters'],
          message: `this grid has more than ${MOST_TRIALS} trials. List fewer values, or set budget.trials`,
        },
      ]
    : []
}

function metricFindings({ metric, method }: SweepFile, { data }: ExperimentConfig): ConfigFinding[] {
  const need = metric.startsWith('val_')
    ? (['dev', 'test'] as const)
    : ([metric.startsWith('test_unseen') ? 'test_unseen' : 'test'] as const)
  const findings: ConfigFinding[] = []
  if (!need.some((split) => data[split]))
    findings.push({
      keys: ['metric'],
      message: `${metric} needs a ${need.join(' or ')} split, and ${data.dts_name} has none`,
    })
  if (method === 'asha' && metric !== 'val_loss' && metric !== 'val_acc')
    findings.push({ keys: ['metric'], message: `asha judges by val_loss or val_acc while training, not by ${metric}` })
  return findings
}

function optionFindings({ method }: SweepFile, raw: unknown, rungs: readonly number[]): ConfigFinding[] {
  const own: readonly string[] = METHOD_OPTIONS[method]
  const given = Object.keys(Object(Reflect.get(Object(raw), 'options')))
  const findings = given
    .filter((key) => !own.includes(key))
    .map((key): ConfigFinding => {
      const has = own.length === 0 ? 'has no options' : `knows ${own.join(', ')}`
      return { keys: ['options', key], message: `says nothing to ${method}, which ${has}` }
    })
  if (method === 'asha' && rungs.length === 0)
    findings.push({
      keys: ['options', 'min_epochs'],
      message: 'must be less than trainer.max_epochs, or nothing is halved',
    })
  return findings
}

function oddities(
  { metric, method }: SweepFile,
  direction: Direction,
  space: readonly Dimension[],
  points: number,
): string[] {
  const all = method === 'grid' ? grid(space, MOST_TRIALS).length : 0
  return [
    ...(all > points
      ? [`budget.trials is enough for ${points} of the grid's ${all} points: the others are left out`]
      : []),
    ...(metric.startsWith('test')
      ? [
          `The best point is chosen by ${metric}: its figures on that split are then optimistic. Choose by val_loss, and report the test`,
        ]
      : []),
    ...(direction === directionOf(metric) ? [] : [`direction is ${direction}: the worst ${metric} counts as the best`]),
  ]
}

/** Trials of a plan whose points do not depend on results. */
export function plannedPoints({ search }: { search: Search }): number {
  if (search.method === 'grid') return grid(search.space, search.points).length
  const sizes = search.space.map((dimension) => countOf(dimension))
  const unconditional = search.space.every(({ when }) => when.length === 0)
  return unconditional
    ? Math.min(
        search.points,
        sizes.reduce((a, b) => a * b, 1),
      )
    : search.points
}
