import { writeFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder } from './dataFixture'
import { withInput } from './files'
import { readJsonArray } from './jsonArray'

async function elements(content: string, chunkBytes?: number): Promise<{ found: unknown[]; lines: number[] }> {
  const file = path.join(temporaryFolder(), 'array.json')
  writeFileSync(file, content)
  const found: unknown[] = []
  const lines: number[] = []
  await withInput(file, (input) =>
    readJsonArray(
      input,
      (bytes, _index, line) => {
        found.push(JSON.parse(bytes.toString('utf8')))
        lines.push(line)
      },
      chunkBytes === undefined ? {} : { chunkBytes },
    ),
  )
  return { found, lines }
}

test('an element is cut in the wrong place, wherever a read ends', async () => {
  const indents = fc.constantFrom(0, 1, '\t')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue(), { maxLength: 5 }),
      indents,
      fc.integer({ min: 1, max: 9 }),
      async (values, indent, size) => {
        const content = `\ufeff ${JSON.stringify(values, null, indent)} \r\n`
        expect((await elements(content, size)).found).toEqual(JSON.parse(JSON.stringify(values)))
      },
    ),
    { numRuns: 60 },
  )
})

test('an element does not know its line', async () => {
  expect(await elements('[\n1,\n\n  {"a":\n2}\n, "\\"]"]')).toEqual({ found: [1, { a: 2 }, '"]'], lines: [2, 4, 6] })
})

test.for<[string, RegExp]>([
  ['', /empty/],
  ['{"a": 1}', /start with/],
  ['[1, 2', /not closed/],
  ['[1, "]', /not closed/],
  ['[1] 2', /goes on/],
  ['[1,,2]', /element is missing/],
  ['[1,]', /element is missing/],
  ['[,1]', /element is missing/],
  ['[1}]', /bracket/],
])('%j is read to its end', async ([content, message]) => {
  await expect(elements(content)).rejects.toMatchObject({
    code: 'data_invalid',
    message: expect.stringMatching(message),
    details: { file: expect.any(String), line: expect.any(Number) },
  })
})
