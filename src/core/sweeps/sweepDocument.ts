import { z } from 'zod'
import { fieldOf } from '../../shared/config/formFields'
import { parameterSchema } from '../../shared/domain/sweep'
import {
  SWEEP_KEYS,
  type CheckedSweep,
  type ShownParameter,
  type SweepChanges,
  type SweepKey,
} from '../../shared/domain/sweeps'
import { AppError } from '../../shared/errors'
import { editSection, editYaml, type NewValue } from '../config/editYaml'
import type { ConfigRoots } from '../config/resolveExperiment'
import { YamlMistake, parseYaml, type YamlText } from '../config/yamlText'
import { placed, shownValue, shownValues, unreadable, valueAt, withoutEmpty } from '../experiment/document'
import { withChanges } from '../experiment/experiments'
import { planOf, plannedPoints, withoutShorthands, type SweepPlan } from '../sweep/readSweep'

/** The name of a sweep whose base gives none: that of the file which a command would be given. */
export const USUAL_NAME = 'sweep'
/** The order in which the keys of a sweep stand. */
const ORDER = ['method', 'metric', 'direction', 'seeds', 'parameters', 'base', 'budget', 'options']

type Checked = Omit<CheckedSweep, 'yaml' | 'plan'> & { plan: SweepPlan | null }

/** Reads a sweep's text: every mistake in it with its place, or its plan. */
export function readSweepText(yaml: string, roots: ConfigRoots): Checked {
  let text: YamlText
  try {
    text = parseYaml(yaml)
  } catch (thrown) {
    const nothing = { values: {}, settings: {}, parameters: [], warnings: [], plan: null }
    return { ...nothing, readable: false, problems: [unreadable(yaml, thrown)] }
  }
  const value = text.value ?? {}
  const shown = {
    readable: true,
    values: shownValues(withoutEmpty(valueAt(value, ['base']) ?? {})),
    settings: settingsOf(value),
    parameters: parametersOf(value),
  }
  const read = planIn(value, roots)
  if ('findings' in read)
    return { ...shown, warnings: [], plan: null, problems: read.findings.map((finding) => placed(text, finding)) }
  return { ...shown, problems: [], warnings: read.plan.warnings, plan: read.plan }
}

function planIn(value: unknown, roots: ConfigRoots): ReturnType<typeof planOf> {
  try {
    return planOf(value, USUAL_NAME, roots)
  } catch (thrown) {
    return { findings: [{ keys: ['base'], message: AppError.from(thrown).message }] }
  }
}

/**
 * The plan of a text.
 *
 * @throws AppError `config_invalid` with every finding
 */
export function soundSweep(yaml: string, roots: ConfigRoots): SweepPlan {
  const { plan, problems } = readSweepText(yaml, roots)
  if (plan) return plan
  const findings = problems.map(({ line, key, message }) => `line ${line}, ${key || 'the text'}: ${message}`)
  throw new AppError(
    'config_invalid',
    findings.length === 1 ? findings[0]! : `${findings.length} mistakes in the sweep`,
    findings.length === 1 ? {} : { findings },
  )
}

export function planCounts(plan: SweepPlan): { points: number; trials: number } {
  const points = plannedPoints(plan)
  return { points, trials: points * plan.seeds.length }
}

function settingsOf(value: unknown): CheckedSweep['settings'] {
  const entries = SWEEP_KEYS.flatMap((key): [SweepKey, NonNullable<CheckedSweep['settings'][SweepKey]>][] => {
    const said = valueAt(value, key.split('.'))
    if (said === undefined || said === null) return []
    return [[key, key === 'seeds' && Array.isArray(said) ? said.map(String).join(', ') : (shownValue(said) ?? '')]]
  })
  return Object.fromEntries(entries)
}

function parametersOf(value: unknown): ShownParameter[] {
  const written = valueAt(withoutShorthands(value), ['parameters'])
  const entries = z.record(z.string(), z.unknown()).safeParse(written)
  if (!entries.success) return []
  return Object.entries(entries.data).map(([key, one]) => ({
    key,
    parameter: parameterSchema.safeParse(one).data ?? null,
  }))
}

/** Changes of a form, made in the text one by one; a text that is no YAML stays as it is. */
export function withSweepChanges(yaml: string, changes: SweepChanges): string {
  let text = yaml
  for (const [key, value] of Object.entries(changes)) {
    try {
      text = withChange(text, key, value)
    } catch (thrown) {
      // Nothing can be changed in what cannot be read; the answer says what is wrong with it.
      if (!(thrown instanceof YamlMistake)) throw thrown
    }
  }
  return text
}

type Change = SweepChanges[string]

function withChange(text: string, key: string, value: Change): string {
  const written = value ?? undefined
  if (SWEEP_KEYS.some((one) => one === key)) return editYaml(text, key.split('.'), written, before(key.split('.')[0]!))
  const [section, ...rest] = key.split('.')
  const inner = rest.join('.')
  if (section === 'base' && fieldOf(inner) && isFormValue(value))
    return editSection(text, 'base', (base) => withChanges(base, { [inner]: value }))
  if (section === 'parameters' && fieldOf(inner))
    return editYaml(text, ['parameters', inner], parameterText(written), parametersIn(text))
  throw new AppError('config_invalid', `There is no key "${key.slice(0, 100)}"`, { key: key.slice(0, 100) })
}

/** A new one stands behind all others. */
const parametersIn = (text: string): string[] => [
  ...before('parameters'),
  ...Object.keys(Object(valueAt(parseYaml(text).value, ['parameters']))),
]

const before = (key: string): string[] => ORDER.slice(0, ORDER.indexOf(key))

function isFormValue(value: Change): value is Exclude<Change, object | null> | (string | number)[] | null {
  if (value === null || typeof value !== 'object') return true
  return Array.isArray(value) && value.every((one) => typeof one === 'string' || typeof one === 'number')
}

/** A list where that says all. */
function parameterText(value: Exclude<Change, null> | undefined): NewValue {
  if (typeof value !== 'object' || Array.isArray(value)) return value
  const { values, ...rest } = value
  return values && Object.keys(rest).length === 0 ? values : value
}
