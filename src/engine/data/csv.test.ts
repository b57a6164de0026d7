import { writeFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCsv, type CsvRow } from './csv'
import { temporaryFolder } from './dataFixture'
import { withInput } from './files'

interface Read {
  rows: CsvRow[]
  malformed: [row: number, line: number, reason: string][]
  lines: number[]
}

async function read(content: string | Uint8Array, delimiter?: string): Promise<Read> {
  const file = path.join(temporaryFolder(), 'source.csv')
  writeFileSync(file, content)
  const out: Read = { rows: [], malformed: [], lines: [] }
  await withInput(file, (input) =>
    readCsv(input, {
      ...(delimiter !== undefined && { delimiter }),
      onRow: (row, _number, line) => {
        out.rows.push(row)
        out.lines.push(line)
      },
      onMalformed: (row, line, reason) => out.malformed.push([row, line, reason]),
    }),
  )
  return out
}

test('a field with quotes, delimiters or line breaks does not come back', async () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', ';', '\n', '\r\n', ' ', 'ü', '😀', '\t') })
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 6 }), async (records) => {
      const text = ['a,b', ...records.map((record) => record.map(quoted).join(','))].join('\r\n')
      const { rows, malformed } = await read(text)
      expect(malformed).toEqual([])
      expect(rows).toEqual(records.map(([a, b]) => ({ a, b })))
    }),
    { numRuns: 60 },
  )
})

describe('CSV', () => {
  test('a record of another length is guessed at, or ends the reading', async () => {
    const { rows, malformed, lines } = await read('a,b\n1,2\n3\n4,5,6\n\n7,8\n')
    expect(rows).toEqual([
      { a: '1', b: '2' },
      { a: '7', b: '8' },
    ])
    expect(malformed).toEqual([
      [1, 3, 'the record has 1 field, the header 2'],
      [2, 4, 'the record has 3 fields, the header 2'],
    ])
    expect(lines).toEqual([2, 6])
  })

  test.for<[string, string | Uint8Array, RegExp]>([
    ['a quote that is never closed swallows the rest', 'a,b\n1,"2\n3,4\n5,6\n', /never closed/],
    ['a quote in the middle of a field is taken as it comes', 'a,b\n1,"2"3\n', /not valid CSV/],
    ['the second of two columns of a name wins', 'a,a\n1,2\n', /"a" twice/],
    ['a column has no name', 'a,,c\n1,2,3\n', /Column 2 .* no name/],
    ['Latin-1 is read with replacement characters', Buffer.from('a,b\n1,caf\xe9\n', 'latin1'), /not valid UTF-8/],
    ['UTF-8 that is cut in a character is read with one', Buffer.from('a,b\n1,caf\xc3', 'latin1'), /not valid UTF-8/],
    ['an empty file is a file without rows', '', /no header/],
  ])('%s', async ([, content, message]) => {
    await expect(read(content)).rejects.toMatchObject({ code: 'data_invalid', message: expect.stringMatching(message) })
  })

  test('the delimiter is told by quoted text', async () => {
    expect((await read('"a,a,a";b\n1;2\n')).rows).toEqual([{ 'a,a,a': '1', b: '2' }])
    expect((await read('a\tb\n1\t2\n')).rows).toEqual([{ a: '1', b: '2' }])
    expect((await read('a|b;c;d\n1|2\n', '|')).rows).toEqual([{ a: '1', 'b;c;d': '2' }])
  })
})
