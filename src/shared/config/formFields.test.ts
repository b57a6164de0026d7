import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { GROUPS } from './describe'
import { MODEL_NAMES, experimentDocumentSchema, experimentFileSchema } from './experiment'
import { allFields, fieldOf, fieldsOf, hasEffect, rangeOf, sameValue, type FormField } from './formFields'

const sections = ['trainer', ...MODEL_NAMES] as const
const keysOf = (section: (typeof sections)[number]): string[] =>
  Object.keys(experimentFileSchema.shape[section].unwrap().shape)

test('a key of the schema is missing in the form, or stands in it twice', () => {
  const top = Object.keys(experimentDocumentSchema.shape).filter((key) => !sections.some((section) => section === key))
  const wanted = [...top, ...sections.flatMap((section) => keysOf(section).map((key) => `${section}.${key}`))]
  expect(
    allFields()
      .map(({ key }) => key)
      .sort(),
  ).toEqual(wanted.sort())
})

describe.each(allFields().map((field): [string, FormField] => [field.key, field]))('%s', (_key, field) => {
  test('is shown without a title, a help, or a group', () => {
    expect(field.title).not.toBe(field.name)
    expect(field.help).toMatch(/^\S.*\.$/s)
    expect(Object.hasOwn(GROUPS, field.group)).toBe(true)
  })

  test('has a choice without a meaning, or a condition on a key that is not there', () => {
    for (const { help } of field.choices ?? []) expect(help).toBeTruthy()
    if (!field.only) return
    const other = fieldOf(field.only.key)
    expect(other).toBeDefined()
    const values = other?.choices?.map(({ value }) => value)
    if (values) expect(values).toEqual(expect.arrayContaining([...(field.only.is ?? [])]))
  })

  test('has a default that its own range refuses', () => {
    if (typeof field.default !== 'number') return
    const { min = -Infinity, max = Infinity, above, below } = field
    expect(above ? field.default > min : field.default >= min).toBe(true)
    expect(below ? field.default < max : field.default <= max).toBe(true)
  })
})

test('ranges say something else than the schema', () => {
  const range = (key: string): string => rangeOf(fieldOf(key)!)
  expect(range('trainer.batch_size')).toBe('≥ 1')
  expect(range('trainer.learning_rate')).toBe('> 0')
  expect(range('trainer.betas')).toBe('each ≥ 0 and < 1')
  expect(range('trainer.warmup_steps')).toBe('≥ -1')
  expect(range('trainer.plateau_factor')).toBe('> 0 and < 1')
  expect(range('ntm.n_topics')).toBe('≥ 2 and ≤ 4096')
  expect(range('trainer.optimizer')).toBe('')
})

test('a key without effect is offered, or one with an effect is not', () => {
  const shown = (values: Record<string, unknown>): string[] =>
    fieldsOf('caimira')
      .filter((field) => hasEffect(field, (key) => values[key] ?? fieldOf(key)?.default))
      .map(({ name }) => name)
  expect(shown({})).not.toContain('warmup_steps')
  expect(shown({})).toContain('betas')
  expect(shown({})).not.toContain('num_workers')
  expect(shown({ 'trainer.scheduler': 'cosine' })).toEqual(expect.arrayContaining(['warmup_steps', 'min_lr']))
  expect(shown({ 'trainer.optimizer': 'SGD' })).not.toContain('eps')
  const model1 = fieldOf('model1.has_user_features')!
  expect(hasEffect(model1, () => 'none')).toBe(false)
  expect(hasEffect(model1, () => ['user_'])).toBe(true)
})

test('values are told apart by what they are', () => {
  expect(sameValue([0.9, 1], [0.9, 1])).toBe(true)
  expect(sameValue('1', 1)).toBe(false)
  expect(sameValue(undefined, null)).toBe(false)
})

/** Keys and defaults in the tables of docs/configuration.md, by the heading above them. */
function documented(): Map<string, Map<string, string>> {
  const text = fs.readFileSync(path.resolve(import.meta.dirname, '../../../docs/configuration.md'), 'utf8')
  const found = new Map<string, Map<string, string>>()
  let heading = ''
  for (const line of text.split('\n')) {
    if (/^#{2,3} /.test(line)) heading = line.replace(/^#+ /, '')
    const cells = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim())
    const names = [...(cells[0] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name!)
    if (cells.length < 3 || names.length === 0) continue
    const section = heading === 'lore and bt' ? names.shift()! : heading
    if (heading === 'lore and bt') names.push(/`(\w+)`/.exec(cells[1] ?? '')![1]!)
    const known = found.get(section) ?? new Map<string, string>()
    for (const name of names) known.set(name, cells.at(-2)!)
    found.set(section, known)
  }
  return found
}

test('docs/configuration.md leaves a key out, has one too many, or another default', () => {
  const tables = documented()
  const ofSizes = ['n_users', 'n_dim_user_embed', 'n_dim_item_embed', 'n_dim_prompt_embed', 'n_dim_answer_embed']
  const everywhere = [...ofSizes, 'n_dim_user_features']
  for (const section of sections) {
    const table = new Map(tables.get(section))
    if (section === 'ntm') for (const entry of tables.get('caimira') ?? []) table.set(...entry)
    const wanted = keysOf(section).filter((key) => !everywhere.includes(key))
    expect([...table.keys()].sort(), section).toEqual(wanted.sort())
    for (const [name, said] of table) {
      const { default: usual } = fieldOf(`${section}.${name}`)!
      const plain = said.replaceAll('`', '').replace('−', '-')
      if (usual === undefined) expect(['–', 'learning_rate', 'seed'], `${section}.${name}`).toContain(plain)
      else if (typeof usual === 'number') expect(Number(plain), `${section}.${name}`).toBe(usual)
      else expect(plain, `${section}.${name}`).toBe(Array.isArray(usual) ? `[${usual.join(', ')}]` : String(usual))
    }
  }
})
