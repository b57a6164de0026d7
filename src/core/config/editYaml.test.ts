import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../shared/errors'
import { editYaml, scalar, type NewValue } from './editYaml'
import { parseYaml } from './yamlText'

const edit = (text: string, key: string, value: NewValue, before: string[] = []): string =>
  editYaml(text, key.split('.'), value, before)

const TEXT = `# my experiment
dts_name: simpler # the sample
model_name: caimira

trainer: # how
  max_epochs: 20   # short
  # why so large
  batch_size: "64"

  betas:
    - 0.8
    - 0.9 # second
caimira: { n_dim: 3, lambda_s: 1e-6 } # head
lore:
  # n_dim: 8
`

describe('a value that is changed', () => {
  test.for<[string, NewValue, string, string]>([
    ['trainer.max_epochs', 7, 'max_epochs: 20   # short', 'max_epochs: 7   # short'],
    ['trainer.batch_size', 32, 'batch_size: "64"', 'batch_size: 32'],
    ['trainer.betas', [0.5, 0.6], 'betas:\n    - 0.8\n    - 0.9 # second', 'betas: [0.5, 0.6] # second'],
    ['caimira.n_dim', 12, 'n_dim: 3,', 'n_dim: 12,'],
    ['caimira.r_temperature', 0.25, '1e-6 }', '1e-6, r_temperature: 0.25 }'],
    ['dts_name', 'a: b', 'dts_name: simpler', 'dts_name: "a: b"'],
    ['model_name', 'lore', 'caimira\n\ntrainer', 'lore\n\ntrainer'],
    ['lore.n_dim', 4, 'lore:\n', 'lore:\n  n_dim: 4\n'],
    ['trainer.weight_decay', 1e-7, 'trainer: # how\n', 'trainer: # how\n  weight_decay: 1.0e-7\n'],
  ])('%s takes a comment, the order or another value with it', ([key, value, old, now]) => {
    expect(edit(TEXT, key, value)).toBe(TEXT.replace(old, now))
  })

  test('a new key stands before its neighbours of the schema, or in another section', () => {
    expect(edit('trainer:\n  max_epochs: 2\n  seed: 4\n', 'trainer.batch_size', 8, ['max_epochs'])).toBe(
      'trainer:\n  max_epochs: 2\n  batch_size: 8\n  seed: 4\n',
    )
    expect(edit('dts_name: a\n\ntrainer:\n  seed: 1\n', 'exp_name', 'b', ['dts_name'])).toBe(
      'dts_name: a\nexp_name: b\n\ntrainer:\n  seed: 1\n',
    )
    expect(edit('dts_name: a\n', 'trainer.seed', 1)).toBe('dts_name: a\n\ntrainer:\n  seed: 1\n')
    expect(edit('', 'trainer.seed', 1)).toBe('trainer:\n  seed: 1\n')
    expect(edit('# nothing\n', 'dts_name', 'a')).toBe('# nothing\ndts_name: a\n')
    expect(edit('{}', 'trainer.seed', 1)).toBe('{ trainer: { seed: 1 } }')
    expect(edit('a: 1', 'b', 2, ['a'])).toBe('a: 1\nb: 2\n')
  })
})

describe('a key that is taken out', () => {
  test.for<[string, string, string]>([
    ['trainer.max_epochs', '  max_epochs: 20   # short\n', ''],
    ['trainer.betas', '  betas:\n    - 0.8\n    - 0.9 # second\n', ''],
    ['caimira.n_dim', 'n_dim: 3, ', ''],
    ['caimira.lambda_s', ', lambda_s: 1e-6', ''],
    ['model_name', 'model_name: caimira\n', ''],
    ['trainer.seed', '', ''],
    ['lore.n_dim', '', ''],
  ])('%s leaves a trace or takes more with it', ([key, old, now]) => {
    expect(edit(TEXT, key, undefined)).toBe(TEXT.replace(old, now))
  })

  test('the last one leaves an empty section, unless there are comments in it', () => {
    expect(edit('a: 1\n\ntrainer:\n  seed: 1\n', 'trainer.seed', undefined)).toBe('a: 1\n')
    expect(edit('trainer:\n  seed: 1\n\nbt:\n  lambda_w: 1\n', 'trainer.seed', undefined)).toBe(
      '\nbt:\n  lambda_w: 1\n',
    )
    expect(edit('trainer: # mine\n  seed: 1\n', 'trainer.seed', undefined)).toBe('trainer: # mine\n')
  })
})

test('text that shares values by anchors is changed in more than one place, or silently not', () => {
  const shared = 'trainer: &t\n  seed: 1\nbt:\n  lambda_w: &w 1\nlore:\n  lambda_v: *w\n'
  expect(edit(shared, 'trainer.seed', 2)).toBe(shared.replace('seed: 1', 'seed: 2'))
  expect(edit(shared, 'lore.lambda_v', 3)).toBe(shared.replace('*w', '3'))
  for (const text of [shared, 'bt: 5\n', '- 1\n']) expect(() => edit(text, 'bt.lambda_w', 2), text).toThrow(AppError)
  const merged = 'a: &a { seed: 3 }\ntrainer:\n  <<: *a\n  max_epochs: 2\n'
  expect(parseYaml(edit(merged, 'trainer.seed', 4)).value).toMatchObject({ trainer: { seed: 4, max_epochs: 2 } })
})

test.for<[Exclude<NewValue, undefined>, string]>([
  [1e-6, '1.0e-6'],
  [1e9, '1.0e+9'],
  [1234567, '1234567'],
  [0.002, '0.002'],
  [-1, '-1'],
  [NaN, '.nan'],
  ['v0', 'v0'],
  ['1e-3', '"1e-3"'],
  ['true', '"true"'],
  ['null', '"null"'],
  ['~', '"~"'],
  ['', '""'],
  ['a #b', '"a #b"'],
  ['configs/data.yaml', 'configs/data.yaml'],
  [['user_', '5'], '[user_, "5"]'],
])('%o is written so that it reads back as something else', ([value, text]) => {
  expect(scalar(value)).toBe(text)
  expect(parseYaml(`a: ${text}`).value).toEqual({ a: value })
})

const names = ['max_epochs', 'seed', 'betas', 'lambda_w']
const value = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (Object.is(x, -0) ? 0 : x)),
  fc.boolean(),
  fc.string(),
  fc.array(fc.oneof(fc.integer(), fc.string()), { minLength: 1, maxLength: 3 }),
)
const comment = fc.constantFrom('', ' # c', '   # a: b')
const blockSection = fc
  .array(fc.tuple(fc.constantFrom(...names), value, comment, fc.constantFrom('', '\n', '  # own line\n')), {
    minLength: 1,
    maxLength: 4,
  })
  .map((lines) =>
    [...new Map(lines.map((line) => [line[0], line])).values()]
      .map(([name, one, end, gap]) => `${gap}  ${name}: ${scalar(one)}${end}\n`)
      .join(''),
  )
const document = fc
  .tuple(blockSection, comment, fc.option(blockSection), fc.constantFrom('', '\n', '# end\n'))
  .map(([trainer, end, bt, last]) => `x: 1\ntrainer:${end}\n${trainer}${bt === null ? '' : `\nbt:\n${bt}`}${last}`)

test('some text loses a comment, a line or another value', () => {
  fc.assert(
    fc.property(
      document,
      fc.constantFrom('trainer', 'bt', 'lore'),
      fc.constantFrom(...names),
      fc.option(value, { nil: undefined }),
      (text, section, name, given) => {
        const edited = editYaml(text, [section, name], given, [])
        expect(Object(Reflect.get(Object(parseYaml(edited).value), section))?.[name]).toEqual(given)
        const own = new RegExp(`^ *${name}:`)
        const kept = text.split('\n').filter((line) => line.includes('#') && !own.test(line))
        for (const line of kept) expect(edited).toContain(line)
        if (given !== undefined) expect(editYaml(edited, [section, name], given, [])).toBe(edited)
      },
    ),
    { numRuns: 400 },
  )
})
