import { z } from 'zod'
import { didYouMean } from './nearest'

/** One thing wrong with a configuration. `keys` leads to the offending value (or to where a missing one belongs). */
export interface ConfigFinding {
  keys: readonly PropertyKey[]
  message: string
}

type JsonNode = z.core.JSONSchema._JSONSchema

/** The keys that an object schema knows at `keys`; empty where the schema is no object there. */
export function knownKeys(schema: z.ZodType, keys: readonly PropertyKey[] = []): string[] {
  let nodes = alternatives(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
  for (const key of keys) {
    nodes = nodes.flatMap((node) => {
      const next = node.properties?.[String(key)] ?? node.additionalProperties
      return next === undefined ? [] : alternatives(next)
    })
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))]
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

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** Turns a schema's issues into sentences that name what was found, what is allowed and the nearest known key. */
export function explain(schema: z.ZodType, value: unknown, error: z.ZodError): ConfigFinding[] {
  return error.issues.flatMap((issue): ConfigFinding[] => {
    const found = valueAt(value, issue.path)
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({
          keys: [...issue.path, key],
          message: `unknown key "${key}".${didYouMean(key, knownKeys(schema, issue.path))}`,
        }))
      case 'invalid_type':
        return [
          found === undefined
            ? { keys: issue.path, message: 'is required' }
            : { keys: issue.path, message: `must be ${article(issue.expected)}, not ${show(found)}` },
        ]
      case 'invalid_value': {
        const allowed = issue.values.map(String)
        const hint = typeof found === 'string' ? didYouMean(found, allowed) : ''
        return [{ keys: issue.path, message: `must be one of ${allowed.join(', ')}, not ${show(found)}.${hint}` }]
      }
      case 'too_small':
        return [
          {
            keys: issue.path,
            message: `must be ${issue.inclusive ? 'at least' : 'greater than'} ${issue.minimum}${unit(issue.origin)}, not ${show(found)}`,
          },
        ]
      case 'too_big':
        return [
          {
            keys: issue.path,
            message: `must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}${unit(issue.origin)}, not ${show(found)}`,
          },
        ]
      default:
        return [{ keys: issue.path, message: `${issue.message} (found ${show(found)})` }]
    }
  })
}

function article(type: string): string {
  if (type === 'int') return 'a whole number'
  if (type === 'object' || type === 'record') return 'a section of keys'
  if (type === 'array' || type === 'tuple') return 'a list'
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

function unit(origin: string): string {
  return origin === 'string' ? ' characters long' : origin === 'array' ? ' items long' : ''
}
