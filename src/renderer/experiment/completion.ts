import { MODEL_NAMES } from '../../shared/config/experiment'
import { allFields, fieldOf, rangeOf, type FormField } from '../../shared/config/formFields'
import { shown } from './format'

export interface Suggestion {
  label: string
  /** What is written. */
  insert: string
  detail: string
  info: string
}

export interface Suggestions {
  from: number
  options: Suggestion[]
}

const SECTIONS = ['trainer', ...MODEL_NAMES]

/** What may stand at this place of a document: keys of its section, or values of a key that has a choice. */
export function suggestionsAt(text: string, position: number): Suggestions | null {
  const lineStart = text.lastIndexOf('\n', position - 1) + 1
  const line = text.slice(lineStart, position)
  const key = /^([ ]*)([\w-]*)$/.exec(line)
  if (key) return keysAt(text, lineStart, key[1]!.length, position - key[2]!.length)
  const value = /^([ ]*)(\w+):[ ]+([\w.]*)$/.exec(line)
  if (!value) return null
  const section = value[1] === '' ? null : sectionAbove(text, lineStart, value[1]!.length)
  const field = fieldOf(section ? `${section}.${value[2]}` : value[2]!)
  const options = field ? valuesOf(field) : []
  return options.length === 0 ? null : { from: position - value[3]!.length, options }
}

function keysAt(text: string, lineStart: number, indent: number, from: number): Suggestions | null {
  const section = indent === 0 ? null : sectionAbove(text, lineStart, indent)
  if (section === undefined) return null
  const keys = allFields()
    .filter((field) => field.section === section && !field.unused)
    .map((field) => ({
      label: field.name,
      insert: `${field.name}: `,
      detail: field.default === undefined ? '' : shown(field.default),
      info: helpOf(field),
    }))
  const sections =
    indent === 0
      ? SECTIONS.map((name) => ({ label: name, insert: `${name}:\n  `, detail: '', info: `Settings of ${name}` }))
      : []
  return { from, options: [...keys, ...sections] }
}

/** The section that a line with this indentation belongs to; undefined where it is none that is known. */
function sectionAbove(text: string, lineStart: number, indent: number): string | undefined {
  for (const line of text.slice(0, lineStart).split('\n').reverse()) {
    const match = /^([ ]*)([\w-]+):/.exec(line)
    if (match && match[1]!.length < indent) return SECTIONS.find((name) => name === match[2])
  }
  return undefined
}

function valuesOf(field: FormField): Suggestion[] {
  if (field.kind === 'boolean')
    return ['true', 'false'].map((label) => ({ label, insert: label, detail: '', info: field.help }))
  if (field.kind === 'features')
    return ['all', 'none'].map((label) => ({ label, insert: label, detail: '', info: field.help }))
  return (field.choices ?? []).map(({ value, help = '' }) => ({
    label: value,
    insert: value,
    detail: value === field.default ? 'default' : '',
    info: help,
  }))
}

function helpOf(field: FormField): string {
  const range = rangeOf(field)
  return [field.help, range && `Allowed: ${range}.`].filter(Boolean).join(' ')
}
