import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './dataFixture'
import { readTexts } from './texts'
import { TextTable } from './textTable'

function fileOf(content: string | Uint8Array): string {
  const path = join(temporaryFolder(), 'texts.json')
  writeFileSync(path, content)
  return path
}

async function read(path: string, chunkBytes?: number): Promise<string[]> {
  const texts: string[] = []
  const count = await readTexts(path, (text, index) => (texts[index] = text), { chunkBytes })
  expect(count).toBe(texts.length)
  return texts
}

describe('readTexts', () => {
  it('reads the same texts wherever the chunks end, inside characters and escapes too', async () => {
    const path = fileOf('[]')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary' })),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(undefined, 2),
        async (texts, chunkBytes, indent) => {
          writeFileSync(path, JSON.stringify(texts, null, indent))
          expect(await read(path, chunkBytes)).toEqual(texts)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('accepts a byte order mark, escapes and white space', async () => {
    expect(await read(fileOf('\ufeff [ "a\\u00fc\\n" ,\r\n"\\"\\\\" ]\n'))).toEqual(['aü\n', '"\\'])
  })

  it.each([
    ['an empty file', '', /empty/, 1],
    ['an object', '{"a": 1}', /does not start with "\["/, 1],
    ['null among the texts', '["a",\nnull]', /null, not a string \(element 1, byte 6\)/, 2],
    ['a number', '["a", 5]', /a number/, 1],
    ['a nested array', '[["a"]]', /an array/, 1],
    ['a truncated string', '["a", "b', /truncated/, 1],
    ['a truncated array', '["a",\n"b"', /truncated/, 2],
    ['a trailing comma', '["a",]', /not JSON/, 1],
    ['two commas', '["a",,"b"]', /not JSON/, 1],
    ['a missing comma', '["a" "b"]', /"," or "\]" is missing/, 1],
    ['a second array', '["a"]\n["b"]', /goes on after/, 2],
    ['a bad escape', '["\\x"]', /not a valid JSON string/, 1],
    ['a raw newline in a string', '["a\nb"]', /not a valid JSON string/, 1],
    ['bytes that are not UTF-8', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), /UTF-8/, 1],
  ])('refuses %s with its place', async (_what, content, message, line) => {
    const path = fileOf(content)
    await expect(read(path)).rejects.toMatchObject({ code: 'data_invalid', message, details: { file: path, line } })
  })
})

describe('TextTable', () => {
  it('finds every text among thousands, and equal texts at their first row', async () => {
    const texts = Array.from({ length: 5000 }, (_, i) => `text ${i % 4000}`)
    const table = await TextTable.read(fileOf(JSON.stringify(texts)))
    expect(table.rows).toBe(5000)
    texts.forEach((text, row) => {
      if (table.find(text) !== row % 4000 || table.firstOf(row) !== row % 4000) expect.fail(text)
    })
    expect(table.find('text 4000')).toBe(-1)
    expect(table.find('')).toBe(-1)
  })
})
