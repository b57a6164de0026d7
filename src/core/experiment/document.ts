import path from 'node:path'
import type { ExperimentInput } from '../../shared/api/requests'
import {
  MODEL_NAMES,
  experimentDocumentSchema,
  type ExperimentConfig,
  type ExperimentDocument,
} from '../../shared/config/experiment'
import { explain, type ConfigFinding } from '../../shared/config/explain'
import { allFields, fieldsOf, isFieldValue, sameValue } from '../../shared/config/formFields'
import type { DocumentProblem, ShownValue } from '../../shared/domain/experiment'
import { AppError } from '../../shared/errors'
import { scalar } from '../config/editYaml'
import { dataConfigFile, experimentFile, resolveExperiment, type ConfigRoots } from '../config/resolveExperiment'
import { YamlMistake, parseYaml, positionIn, type Span, type YamlText } from '../config/yamlText'

/** More help nobody. */
const MOST_PROBLEMS = 100

export interface ReadDocument {
  /** Null where the text is no YAML. */
  text: YamlText | null
  /** What the text says, by dotted key. */
  values: Record<string, ShownValue>
  problems: DocumentProblem[]
  /** Of a sound document. */
  sound: { request: ExperimentInput; config: ExperimentConfig; warnings: string[] } | null
}

/** Reads a document: every mistake in it with its place, or the request that trains it. */
export function readDocument(yaml: string, roots: ConfigRoots): ReadDocument {
  let text: YamlText
  try {
    text = parseYaml(yaml)
  } catch (thrown) {
    return { text: null, values: {}, problems: [unreadable(yaml, thrown)], sound: null }
  }
  const raw = withoutEmpty(text.value)
  const values = shownValues(raw)
  const parsed = experimentDocumentSchema.safeParse(raw)
  if (!parsed.success) {
    const findings = explain(experimentDocumentSchema, raw, parsed.error)
    return { text, values, problems: findings.slice(0, MOST_PROBLEMS).map((one) => placed(text, one)), sound: null }
  }
  try {
    const request = requestOf(parsed.data, raw, roots)
    const { config, warnings } = resolveRequest(request, roots)
    return { text, values, problems: [], sound: { request, config, warnings } }
  } catch (thrown) {
    return { text, values, problems: [elsewhere(text, parsed.data, AppError.from(thrown))], sound: null }
  }
}

export function resolveRequest(
  { changes, ...settings }: ExperimentInput,
  roots: ConfigRoots,
): ReturnType<typeof resolveExperiment> {
  const overrides = new Map(Object.entries(changes).map(([key, value]) => [key, { value, flag: key }]))
  return resolveExperiment({ ...settings, overrides }, roots)
}

/**
 * The request, and so the command, that says the same as the document in as few words as possible: what is as it would be
 * anyhow is left out.
 */
function requestOf(document: ExperimentDocument, raw: unknown, roots: ConfigRoots): ExperimentInput {
  const { dts_name, dts_config_file, model_name, exp_name, exp_version, rw_model_name, features, backend, threads } =
    document
  const own =
    dts_config_file !== undefined && path.resolve(roots.cwd, dts_config_file) !== dataConfigFile(undefined, roots)
  const settings = {
    dts_name,
    ...(own && { dts_config_file }),
    ...(exp_name !== 'default_exp' && { exp_name }),
    ...(exp_version !== 'v0' && { exp_version }),
    ...(model_name !== 'caimira' && { model_name }),
    ...(rw_model_name !== 'zero_rw' && { rw_model_name }),
    ...(features !== 'none' && { features: featureList(features) }),
    ...(backend !== 'auto' && { backend }),
    ...(threads !== undefined && { threads }),
  }
  const base = resolveExperiment(settings, roots).config
  const file = experimentFile(undefined, roots).sections
  const changes: ExperimentInput['changes'] = {}
  for (const field of fieldsOf(model_name)) {
    if (field.section === null) continue
    const at = [field.section, field.name]
    const given = valueAt(raw, at) !== undefined
    // `features` decides on has_user_features where the document leaves it open.
    if (!given && valueAt(file, at) === undefined) continue
    const wanted = valueAt(document, at) ?? field.default
    if (sameValue(wanted, valueAt(base, at))) continue
    changes[field.key] = wanted === undefined ? null : asChange(wanted)
  }
  return { ...settings, changes }
}

function featureList(features: Exclude<ExperimentDocument['features'], undefined>): string {
  if (typeof features === 'string') return features
  const odd = features.find((name) => name.includes(',') || name !== name.trim() || ['all', 'none'].includes(name))
  if (odd !== undefined)
    throw new AppError(
      'config_invalid',
      `the column "${odd}" cannot be named: names have no commas and no blanks at their ends`,
      {
        key: 'features',
      },
    )
  return features.join(',')
}

function asChange(value: unknown): ExperimentInput['changes'][string] {
  if (Array.isArray(value)) return value.filter((one) => typeof one === 'string' || typeof one === 'number')
  return typeof value === 'number' || typeof value === 'boolean' ? value : String(value)
}

export function valueAt(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined),
    value,
  )
}

/** A section whose keys are all commented out is there and holds nothing; an empty text says nothing. */
export function withoutEmpty(value: unknown): unknown {
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) return value
  const sections = new Set<string>(['trainer', ...MODEL_NAMES])
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, one === null && sections.has(name) ? {} : one]),
  )
}

/** The values of the keys that a form knows. */
export function shownValues(raw: unknown): Record<string, ShownValue> {
  const shown: Record<string, ShownValue> = {}
  for (const { key, section, name } of allFields()) {
    const value = valueAt(raw, section === null ? [name] : [section, name])
    if (value !== undefined) shown[key] = shownValue(value)
  }
  return shown
}

/** JSON has no infinity, and a form no sections. */
export function shownValue(value: unknown): ShownValue {
  if (typeof value === 'number' && !Number.isFinite(value)) return scalar(value)
  if (!isFieldValue(value)) return Array.isArray(value) ? 'a list' : 'a section'
  if (typeof value === 'string') return value.slice(0, LONGEST_SHOWN)
  if (typeof value !== 'object' || value === null) return value
  return value.length > LONGEST_SHOWN ? 'a long list' : [...value]
}
const LONGEST_SHOWN = 4_096

/** A finding at its place in the text. */
export function placed(text: YamlText, finding: ConfigFinding): DocumentProblem {
  const { keys, message, nearest: meant, unknown } = finding
  const node = nodeAt(text, keys)
  const span = unknown ? node?.key : (node?.value ?? text.placeOf(keys))
  const problem = problemAt(text.source, keys.map(String).join('.'), sentence(message), span)
  if (!node) return problem
  if (meant !== undefined) {
    const { start: from, end: to } = unknown ? node.key : node.value
    return { ...problem, fix: { label: unknown ? `Rename to ${meant}` : `Use ${meant}`, from, to, insert: meant } }
  }
  return problem
}

function nodeAt(text: YamlText, keys: readonly PropertyKey[]): { key: Span; value: Span } | undefined {
  let entries = text.root?.entries ?? []
  let found: { key: Span; value: Span } | undefined
  for (const key of keys) {
    const entry = entries.find(({ name }) => name === String(key))
    // An item of a list: the list's place is near enough.
    if (!entry) return typeof key === 'number' ? found : undefined
    const { value } = entry
    found = { key: entry.key, value: value.start === value.end ? entry.key : value }
    entries = value.entries
  }
  return found
}

function problemAt(source: string, key: string, message: string, span: Span = { start: 0, end: 0 }): DocumentProblem {
  // A block goes on over many lines: its first one is where to look.
  const lineEnd = source.indexOf('\n', span.start)
  const to = Math.max(span.start, Math.min(span.end, lineEnd < 0 ? source.length : lineEnd))
  return { key, message, ...positionIn(source, span.start), from: span.start, to }
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Of a text that is no YAML. */
export function unreadable(source: string, thrown: unknown): DocumentProblem {
  if (thrown instanceof YamlMistake) {
    const { message, offset, details } = thrown
    const start = Math.min(offset, source.length)
    const lineStart = source.lastIndexOf('\n', start - 1) + 1
    const place =
      source.slice(lineStart).trim() === ''
        ? { start: lineStart, end: start }
        : { start: lineStart, end: source.length }
    return problemAt(source, '', [message, details.fix].filter(Boolean).join('. '), place)
  }
  return problemAt(source, '', 'This text cannot be read: it nests too deeply')
}

/** What is wrong outside the document (an unknown data set, a file that is not there), at the key that leads to it. */
function elsewhere(text: YamlText, document: ExperimentDocument, error: AppError): DocumentProblem {
  const { key, file, line, findings = [], fix } = error.details
  const known = key !== undefined && allFields().some((field) => field.key === key) ? key : undefined
  const named = document.dts_config_file !== undefined && error.code !== 'config_invalid'
  const at = known ?? (named ? 'dts_config_file' : 'dts_name')
  const place = nodeAt(text, at.split('.'))
  const where =
    known === undefined && file !== undefined && !error.message.includes(file)
      ? ` (${file}${line === undefined ? '' : `, line ${line}`})`
      : ''
  const message = [`${error.message}${where}`, ...findings, ...(fix === undefined ? [] : [fix])].join('\n')
  const problem = problemAt(text.source, at, sentence(message), place?.value ?? text.placeOf(at.split('.')))
  const meant = at === 'dts_name' ? /Did you mean "([^"]+)"/.exec(error.message)?.[1] : undefined
  if (meant === undefined || !place || meant === document.dts_name) return problem
  return {
    ...problem,
    fix: { label: `Use ${meant}`, from: place.value.start, to: place.value.end, insert: scalar(meant) },
  }
}
