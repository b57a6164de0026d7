import { z } from 'zod'
import { didYouMean, nearest } from './nearest'

/** One thing wrong with a configuration. `keys` leads to the offending value (or to where a missing one belongs). */
export interface ConfigFinding {
  keys: readonly PropertyKey[]
  message: string
  /** What was most likely meant: the nearest known key in place of an unknown one, the nearest allowed value. */
  nearest?: string
  /** The key itself is at fault, not its value. */
  unknown?: true
}

type JsonNode = z.core.JSONSchema._JSONSchema

/** The keys that an object schema knows at `keys`; empty where the schema is no object there. */
export function knownKeys(schema: z.ZodType, keys: readonly PropertyKey[] = []): string[] {
  let nodes = alternatives(jsonOf(schema))
  for (const key of keys) {
    nodes = nodes.flatMap((node) => {
      const next = node.properties?.[String(key)] ?? node.additionalProperties
      return next === undefined ? [] : alternatives(next)
    })
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))]
}

/** A sweep asks for the same schema once a trial. */
const jsonSchemas = new WeakMap<z.ZodType, JsonNode>()
function jsonOf(schema: z.ZodType): JsonNode {
  const json = jsonSchemas.get(schema) ?? z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  jsonSchemas.set(schema, json)
  return json
}

function alternatives(node: JsonNode): Exclude<JsonNode, boolean>[] {
  if (typeof node === 'boolean') return []
  return [node, ...(node.anyOf ?? []).flatMap(alternatives), ...(node.oneOf ?? []).flatMap(alternatives)]
}

function valueAt(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    value,
  )
}

/** Aliases let a few lines of YAML stand for billions of values, or for a list that holds itself. */
const SHOWN_ITEMS = 4

/** Beyond that it is another file, and comparing its keys takes long. */
const MOST_SUGGESTED = 100

function show(value: unknown): string {
  const text = brief(value, 2)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function brief(value: unknown, depth: number): string {
  if (value === undefined) return 'nothing'
  // JSON would write NaN and infinity as null.
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? String(value)
  const list = Array.isArray(value)
  const entries = Object.entries(value)
  const shown = entries
    .slice(0, depth > 0 ? SHOWN_ITEMS : 0)
    .map(([key, item]) => (list ? brief(item, depth - 1) : `${key}: ${brief(item, depth - 1)}`))
  if (shown.length < entries.length) shown.push('…')
  return list ? `[${shown.join(', ')}]` : `{${shown.join(', ')}}`
}

/** Turns a schema's issues into sentences that name what was found, what is allowed and the nearest known key. */
export function explain(schema: z.ZodType, value: unknown, error: z.ZodError): ConfigFinding[] {
  return error.issues.flatMap((issue): ConfigFinding[] => {
    const found = valueAt(value, issue.path)
    switch (issue.code) {
      case 'unrecognized_keys': {
        const known = knownKeys(schema, issue.path)
        return issue.keys.map((key, index) => {
          const meant = index < MOST_SUGGESTED ? nearest(key, known) : undefined
          return {
            keys: [...issue.path, key],
            message: `unknown key ${show(key)}.${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
            unknown: true as const,
            ...(meant !== undefined && { nearest: meant }),
          }
        })
      }
      case 'invalid_type':
        return [
          found === undefined
            ? { keys: issue.path, message: 'is required' }
            : { keys: issue.path, message: `must be ${article(issue.expected)}, not ${show(found)}` },
        ]
      case 'invalid_value': {
        const allowed = issue.values.map(String)
        const hint = typeof found === 'string' ? didYouMean(found, allowed) : ''
        const rule = allowed.length === 1 ? `must be ${allowed[0]}` : `must be one of ${allowed.join(', ')}`
        return [
          {
            keys: issue.path,
            message: `${rule}, not ${show(found)}.${hint}`,
            ...(typeof found === 'string' && suggestion(found, allowed)),
          },
        ]
      }
      case 'too_small':
        return [
          {
            keys: issue.path,
            message: `${limit(issue.origin, issue.inclusive ? 'at least' : 'more than', issue.minimum)}, not ${show(found)}`,
          },
        ]
      case 'too_big':
        return [
          {
            keys: issue.path,
            message: `${limit(issue.origin, issue.inclusive ? 'at most' : 'less than', issue.maximum)}, not ${show(found)}`,
          },
        ]
      default:
        return [{ keys: issue.path, message: `${issue.message} (found ${show(found)})` }]
    }
  })
}

function suggestion(name: string, known: readonly string[]): { nearest?: string } {
  const hit = nearest(name, known)
  return hit === undefined ? {} : { nearest: hit }
}

function article(type: string): string {
  if (type === 'int') return 'a whole number'
  if (type === 'object' || type === 'record') return 'a section of keys'
  if (type === 'array' || type === 'tuple') return 'a list'
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

function limit(origin: string, relation: string, bound: number | bigint): string {
  const noun = origin === 'string' ? 'character' : origin === 'array' ? 'item' : undefined
  if (noun === undefined) return `must be ${relation} ${bound}`
  return `must have ${relation} ${bound} ${noun}${Number(bound) === 1 ? '' : 's'}`
}
