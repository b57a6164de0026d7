import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../shared/errors'
import { readYamlFile } from './yamlFile'

function file(content: string | Uint8Array): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-yaml-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  const name = path.join(folder, 'config.yaml')
  fs.writeFileSync(name, content)
  return name
}

function failure(content: string | Uint8Array): AppError {
  try {
    readYamlFile(file(content))
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('the file was read')
}

const value = (content: string | Uint8Array): unknown => readYamlFile(file(content)).value

test.for<[string, number]>([
  ['2e-3', 0.002],
  ['1e-6', 1e-6],
  ['1e9', 1e9],
  ['1.0e+9', 1e9],
  ['.5', 0.5],
  ['-1', -1],
  ['0x10', 16],
  ['010', 10],
])('%s is no number, as YAML 1.1 has it', ([text, number]) => expect(value(`a: ${text}`)).toEqual({ a: number }))

test.for(['yes', 'no', 'on', 'off', '2024-01-01', '12:30:45', '1_000'])('%s is not the text it looks like', (text) => {
  expect(value(`a: ${text}`)).toEqual({ a: text })
})

test('lines are off by one behind comments, blank lines, flow maps, block scalars or an anchor', () => {
  const lines = `# comment

trainer:
  seed: 1 # here
  betas:
    [0.9,
     0.8]
base: &base
  n_dim: 5
text: |
  many
  lines
flow: {a: {b: 1,
  c: 2}, 'd e': 3}
list:
  - x: 1
  - x: 2
other: *base
"quoted": 1
`
  for (const source of [lines, lines.replaceAll('\n', '\r\n'), `\ufeff${lines}`]) {
    const { lineOf } = readYamlFile(file(source))
    const at = (...keys: PropertyKey[]): number | undefined => lineOf(keys)
    expect({
      trainer: at('trainer'),
      seed: at('trainer', 'seed'),
      beta1: at('trainer', 'betas', 1),
      n_dim: at('base', 'n_dim'),
      b: at('flow', 'a', 'b'),
      c: at('flow', 'a', 'c'),
      de: at('flow', 'd e'),
      second: at('list', 1, 'x'),
      other: at('other'),
      quoted: at('quoted'),
    }).toEqual({ trainer: 3, seed: 4, beta1: 7, n_dim: 9, b: 13, c: 14, de: 14, second: 17, other: 18, quoted: 19 })
    expect(at('trainer', 'missing')).toBe(3)
    expect(at('nowhere')).toBeUndefined()
    expect(at()).toBeUndefined()
  }
})

test.for<[string, string, number | undefined, RegExp]>([
  ['a duplicate key', 'a: 1\nb: 2\na: 3\n', 3, /twice/],
  ['a duplicate key deep inside', 'a:\n  b: 1\n  c: 2\n  b: 3\n', 4, /twice/],
  ['a tab', 'a:\n\tb: 1\n', 2, /tab/],
  ['an open quote', 'a: 1\nb: "x\n', 2, /not closed/],
  ['a colon too many', 'a: b: c\n', 1, /indentation/],
  ['an unknown alias', 'a: 1\nb: *nope\n', 2, /nope/],
  ['an unknown tag', 'a: 1\nb: !!js/function "x"\n', 2, /tag/],
  ['an open flow map', 'a: 1\nb: {c: 1\n', 2, /not closed/],
  ['nesting without end', `a: ${'['.repeat(200_000)}`, 1, /nesting/],
  ['several documents', 'a: 1\n---\nb: 1\n', undefined, /several YAML documents/],
])('%s is not told with its line', ([, source, line, message]) => {
  const error = failure(source)
  expect(error).toMatchObject({ code: 'config_invalid', exitCode: 2 })
  expect(error.message).toMatch(message)
  if (line !== undefined) expect([line, line + 1]).toContain(error.details.line)
  expect(error.details.file).toMatch(/config\.yaml$/)
})

test('an empty file, or one of comments alone, is an error', () => {
  expect([value(''), value('# nothing\n'), value('---\n'), value('\ufeff')]).toEqual([null, null, null, null])
})

test('anchors and merge keys are not followed', () => {
  expect(value('base: &b {x: 1, y: 2}\na: *b\nc:\n  <<: *b\n  y: 3\n')).toEqual({
    base: { x: 1, y: 2 },
    a: { x: 1, y: 2 },
    c: { x: 1, y: 3 },
  })
})

test('aliases of aliases eat the memory', () => {
  let source = 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n'
  for (let i = 1; i < 12; i++)
    source += `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(',')}]\n`
  // 10^12 items if they were copied; as references, a dozen lists.
  const read = value(source) as Record<string, unknown[]>
  expect(read['a11']).toHaveLength(10)
  expect(read['a11']![0]).toBe(read['a10'])
})

test('__proto__ in a file changes the prototype of the value', () => {
  const read = value('__proto__: {polluted: 1}\nconstructor: 2\n') as object
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  expect(Object.keys(read)).toEqual(['__proto__', 'constructor'])
  expect(Reflect.get({}, 'polluted')).toBeUndefined()
})

test('a file that is missing, a folder, not text or far too large is no clear error', () => {
  const missing = path.join(os.tmpdir(), 'delta-no-such', 'x.yaml')
  expect(() => readYamlFile(missing)).toThrow(
    expect.objectContaining({ code: 'not_found', message: `There is no file ${missing}` }),
  )
  expect(() => readYamlFile(os.tmpdir())).toThrow(
    expect.objectContaining({ code: 'unreadable', message: expect.stringContaining('is a folder') }),
  )
  expect(() => readYamlFile('bad\0name')).toThrow(expect.objectContaining({ code: 'unreadable' }))
  expect(failure(Uint8Array.of(0x61, 0x3a, 0x20, 0xff))).toMatchObject({
    code: 'unreadable',
    message: expect.stringContaining('not UTF-8'),
  })
  expect(failure(Buffer.from('\ufeffa: 1', 'utf16le'))).toMatchObject({ code: 'unreadable' })
  expect(failure(' '.repeat(5 * 1024 * 1024))).toMatchObject({
    code: 'unreadable',
    message: expect.stringContaining('5.0 MiB'),
  })
})

test.skipIf(process.platform === 'win32')('a device is read without end', () => {
  expect(() => readYamlFile('/dev/zero')).toThrow(expect.objectContaining({ code: 'unreadable' }))
})

test.for<[string, string | Uint8Array, string, number]>([
  ['UTF-16 with its mark', Buffer.from('\ufeffa: 1\n', 'utf16le'), 'UTF-16', 1],
  ['UTF-16 without a mark', Buffer.from('a: 1\n', 'utf16le'), 'UTF-16', 1],
  ['a NUL', 'a: 1\nb: x\0y\n', 'NUL', 2],
])('%s in a configuration is told as bad YAML, or without its line', ([, content, word, line]) => {
  expect(failure(content)).toMatchObject({
    code: 'unreadable',
    message: expect.stringContaining(word),
    details: { line },
  })
})
