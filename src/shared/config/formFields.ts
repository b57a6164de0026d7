import { z } from 'zod'
import { GROUPS, type GroupName, type KeyMeta } from './describe'
import { MODEL_NAMES, experimentDocumentSchema, type ModelName } from './experiment'

export type FieldKind = 'number' | 'int' | 'enum' | 'boolean' | 'text' | 'features' | 'numbers' | 'words' | 'lines'
export type FieldValue = string | number | boolean | null | readonly (string | number)[]

/** One key of an experiment, as a form shows it. */
export interface FormField {
  /** Dotted: `trainer.learning_rate`, `exp_name`. */
  key: string
  section: 'trainer' | ModelName | null
  /** The key's own name. */
  name: string
  title: string
  help: string
  group: GroupName
  kind: FieldKind
  unit?: string
  log: boolean
  min?: number
  max?: number
  /** Whether `min` (`max`) itself is out of range. */
  above?: boolean
  below?: boolean
  choices?: readonly { value: string; help?: string }[]
  /** Absent where the key has none. */
  default?: FieldValue
  /** Of the whole key of another field, without whose value this one has no effect. */
  only?: { key: string; is?: readonly string[]; not?: string }
  unused: boolean
}

type JsonNode = z.core.JSONSchema.JSONSchema & Partial<KeyMeta> & { lines?: true }

/** Every key of an experiment, in the order in which it stands in its schema. Made once. */
export function allFields(): readonly FormField[] {
  return (known ??= describe())
}
let known: readonly FormField[] | undefined

/** The keys that an experiment with this model has. */
export function fieldsOf(model: ModelName): readonly FormField[] {
  return allFields().filter(({ section }) => section === null || section === 'trainer' || section === model)
}

export function fieldOf(key: string): FormField | undefined {
  return allFields().find((field) => field.key === key)
}

/** Whether the field has an effect where the others have these values. */
export function hasEffect({ only, unused }: FormField, valueOf: (key: string) => unknown): boolean {
  if (unused) return false
  if (!only) return true
  const value = valueOf(only.key)
  return only.is ? only.is.some((one) => one === value) : value !== only.not
}

/** `0.9 < x ≤ 1`, in words: `≥ 0 and < 1`. Empty where everything is allowed. */
export function rangeOf({ min, max, above, below, kind }: FormField): string {
  const bounds = [
    ...(min === undefined ? [] : [`${above ? '>' : '≥'} ${min}`]),
    ...(max === undefined ? [] : [`${below ? '<' : '≤'} ${max}`]),
  ].join(' and ')
  const each = kind === 'numbers' ? 'each ' : ''
  return bounds === '' ? '' : `${each}${bounds}`
}

/** The keys of a schema without sections; those that can have one value only are left out. */
export function fieldsIn(schema: z.ZodType): FormField[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties).flatMap(([name, node]) =>
    typeof node === 'object' && node.const !== undefined ? [] : [fieldFrom(null, name, node)],
  )
}

function describe(): FormField[] {
  const { properties = {} } = z.toJSONSchema(experimentDocumentSchema, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties).flatMap(([name, node]): FormField[] => {
    const section = sectionOf(name)
    if (section === null) return [fieldFrom(null, name, node)]
    const keys = typeof node === 'object' ? (node.properties ?? {}) : {}
    return Object.entries(keys).map(([key, inner]) => fieldFrom(section, key, inner))
  })
}

function sectionOf(name: string): 'trainer' | ModelName | null {
  return name === 'trainer' ? name : (MODEL_NAMES.find((model) => model === name) ?? null)
}

function fieldFrom(section: FormField['section'], name: string, given: boolean | JsonNode): FormField {
  const node: JsonNode = typeof given === 'object' ? given : {}
  const key = section === null ? name : `${section}.${name}`
  const { title, description, group, unit, scale, choices, only, unused } = node
  const kind = kindOf(node)
  const numbers = kind === 'numbers' ? (node.prefixItems?.find((item) => typeof item === 'object') ?? {}) : node
  return {
    key,
    section,
    name,
    title: title ?? name,
    help: description ?? '',
    group: group !== undefined && Object.hasOwn(GROUPS, group) ? group : 'experiment',
    kind,
    log: scale === 'log',
    ...boundsOf(typeof numbers === 'object' ? numbers : {}),
    ...(unit !== undefined && { unit }),
    ...(node.enum && {
      choices: node.enum.map((value) => {
        const help = choices?.[String(value)]
        return { value: String(value), ...(help !== undefined && { help }) }
      }),
    }),
    ...(isFieldValue(node.default) && { default: node.default }),
    ...(only && { only: { ...only, key: neighbour(section, only.key) } }),
    unused: unused === true,
  }
}

function neighbour(section: FormField['section'], key: string): string {
  if (key.startsWith('/')) return key.slice(1)
  return section === null ? key : `${section}.${key}`
}

function kindOf(node: JsonNode): FieldKind {
  if (node.anyOf) return 'features'
  if (node.enum) return 'enum'
  switch (node.type) {
    case 'integer':
      return 'int'
    case 'number':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'array':
      return node.lines ? 'words' : 'numbers'
    default:
      return node.lines ? 'lines' : 'text'
  }
}

/** What a whole number is bounded by anyhow says nothing to a person. */
const isBound = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER

function boundsOf(node: JsonNode): Pick<FormField, 'min' | 'max' | 'above' | 'below'> {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum, type } = node
  // A whole number above 0 is one from 1.
  const from = type === 'integer' && exclusiveMinimum === 0 ? { min: 1 } : undefined
  return {
    ...(from ??
      (isBound(exclusiveMinimum) ? { min: exclusiveMinimum, above: true } : isBound(minimum) ? { min: minimum } : {})),
    ...(isBound(exclusiveMaximum) ? { max: exclusiveMaximum, below: true } : isBound(maximum) ? { max: maximum } : {}),
  }
}

export function isFieldValue(value: unknown): value is FieldValue {
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string' || typeof one === 'number')
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}

export function sameValue(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || (Array.isArray(a) && Array.isArray(b) && JSON.stringify(a) === JSON.stringify(b))
}
