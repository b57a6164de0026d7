import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { parquet, temporaryFolder, type Row } from './dataFixture'
import { withInput } from './files'
import { readFrame, TEXT_INVALID, TEXT_MISSING } from './frame'
import { readJsonl } from './jsonl'

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  return path
}

async function rowsOf(
  path: string,
  chunkBytes?: number,
): Promise<{ rows: Map<number, Row>; malformed: Map<number, string> }> {
  const rows = new Map<number, Row>()
  const malformed = new Map<number, string>()
  await withInput(path, async (file) => {
    const options = { chunkBytes, onMalformed: (row: number, reason: string) => malformed.set(row, reason) }
    for await (const batch of readJsonl(file, options))
      batch.rows.forEach((row, i) => rows.set(batch.firstRow + i, row))
  })
  return { rows, malformed }
}

/** Whole columns of a file; texts as their length. */
async function columnsOf(path: string, values: string[], texts: string[] = []): Promise<Record<string, unknown[]>> {
  const columns: Record<string, unknown[]> = Object.fromEntries([...values, ...texts].map((name) => [name, []]))
  let rows = 0
  await readFrame(path, {
    select: () => ({ values, texts }),
    encodeText: (text) => text.length,
    onMalformed: (row, reason) => expect.fail(`${row}: ${reason}`),
    onBatch: (batch) => {
      expect(batch.firstRow).toBe(rows)
      rows += batch.rows
      for (const name of values) columns[name]!.push(...Array.from(batch.values(name)))
      for (const name of texts) columns[name]!.push(...batch.texts(name))
    },
  })
  return columns
}

it('looks through all rows of a batch each time that its columns are asked for, so that the first rows of a million short lines take half a minute', async () => {
  const asked: (readonly string[])[] = []
  await readFrame(fileOf('short.jsonl', '{"a":1}\n{"b":2}\n'), {
    select: () => ({ values: [], texts: [] }),
    encodeText: () => 0,
    onMalformed: (row, reason) => expect.fail(`${row}: ${reason}`),
    onBatch: (batch) => asked.push(batch.columns, batch.columns),
  })
  expect(asked[0]).toEqual(['a', 'b'])
  expect(asked[1]).toBe(asked[0])
})

describe('readJsonl', () => {
  it('reads the same rows wherever the chunks end, with either line ending', async () => {
    const path = fileOf('df.jsonl', '')
    const row = fc.dictionary(fc.string({ unit: 'binary' }), fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer()), {
      noNullPrototype: true,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(row),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom('\n', '\r\n'),
        fc.constantFrom('', '\ufeff'),
        fc.constantFrom('', '\n', '\n\n \n'),
        async (rows, chunkBytes, eol, mark, end) => {
          writeFileSync(path, mark + rows.map((each) => JSON.stringify(each)).join(eol) + end)
          const read = await rowsOf(path, chunkBytes)
          expect([...read.rows.values()]).toEqual(rows.map((each): unknown => JSON.parse(JSON.stringify(each))))
          expect(read.malformed.size).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('counts malformed and blank lines as rows and goes on', async () => {
    const lines = ['{"a":1}', '{"a":', '[1]', '', '{"a":NaN}', '"x"', '{"a":2}', '']
    const { rows, malformed } = await rowsOf(fileOf('df.jsonl', lines.join('\n')))
    expect([...rows]).toEqual([
      [0, { a: 1 }],
      [6, { a: 2 }],
    ])
    expect([...malformed.keys()]).toEqual([1, 2, 3, 4, 5])
    expect(malformed.get(2)).toMatch(/not a JSON object/)
    expect(malformed.get(3)).toMatch(/blank/)
  })

  it('reports invalid UTF-8 instead of replacing it', async () => {
    const { malformed } = await rowsOf(fileOf('df.jsonl', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])))
    expect(malformed.get(0)).toMatch(/UTF-8/)
  })

  it('refuses a line of more than 64 MiB instead of holding it', async () => {
    const path = fileOf('df.jsonl', Buffer.concat([Buffer.from('{"a":1}\n{"b":"'), Buffer.alloc(66 << 20, 0x78)]))
    await expect(rowsOf(path)).rejects.toMatchObject({ code: 'data_invalid', details: { line: 2, row: 1 } })
  })

  it('keeps identifiers beyond 2^53 exact', async () => {
    const { rows } = await rowsOf(fileOf('df.jsonl', '{"u_id":9007199254740993,"x":1}\n{"u_id":9007199254740992}'))
    expect(rows.get(0)).toEqual({ u_id: 9007199254740993n, x: 1 })
    expect(rows.get(1)).toEqual({ u_id: 9007199254740992n })
  })
})

describe('readFrame', () => {
  const rows = Array.from({ length: 25 }, (_, i) => ({
    u_id: i,
    text: i % 5 === 0 ? null : 'x'.repeat(i % 3),
    weight: i / 4,
    flag: i % 2 === 0,
    gap: i % 7 === 0 ? null : i,
  }))
  const expected = {
    u_id: rows.map((row) => row.u_id),
    weight: rows.map((row) => row.weight),
    flag: rows.map((row) => row.flag),
    gap: rows.map((row) => row.gap),
    text: rows.map((row) => row.text?.length ?? TEXT_MISSING),
  }
  const plain = (values: unknown[]): unknown[] =>
    values.map((value) => (typeof value === 'bigint' ? Number(value) : (value ?? null)))

  it('reads the same columns from JSON Lines and from Parquet of several row groups, by content', async () => {
    const lines = rows.map((row) => JSON.stringify(row)).join('\n')
    for (const path of [fileOf('df.jsonl', lines), fileOf('df.data', lines), fileOf('df.jsonl', parquet(rows, 10))]) {
      const columns = await columnsOf(path, ['u_id', 'weight', 'flag', 'gap'], ['text'])
      expect(Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, plain(values)]))).toEqual(
        expected,
      )
    }
  })

  it.each([
    ['UNCOMPRESSED', undefined],
    ['SNAPPY', undefined],
    ['GZIP', (input: Uint8Array) => gzipSync(input)],
  ] as const)('reads Parquet compressed with %s', async (codec, compress) => {
    const data = rows.map((row) => row.text ?? '')
    const bytes = parquetWriteBuffer({
      columnData: [{ name: 'text', data }],
      codec,
      ...(compress && { compressors: { [codec]: compress } }),
    })
    const { text } = await columnsOf(fileOf('df.parquet', new Uint8Array(bytes)), [], ['text'])
    expect(text).toEqual(data.map((each) => each.length))
  })

  it('does not take numbers for text numbers', async () => {
    for (const path of [fileOf('a.jsonl', '{"text":3}'), fileOf('a.parquet', parquet([{ text: 3 }]))]) {
      expect((await columnsOf(path, [], ['text'])).text).toEqual([TEXT_INVALID])
    }
  })

  it('takes no inherited property for a column', async () => {
    expect((await columnsOf(fileOf('a.jsonl', '{"a":3}'), ['constructor'])).constructor).toEqual([undefined])
  })

  it.each([
    ['cut at the end', (bytes: Uint8Array) => bytes.subarray(0, -20), /truncated/],
    ['cut to its magic', (bytes: Uint8Array) => bytes.subarray(0, 6), /only 6 bytes/],
    ['with a broken footer', (bytes: Uint8Array) => bytes.fill(0xff, bytes.length - 60, bytes.length - 8), /damaged/],
    ['with a broken page', (bytes: Uint8Array) => bytes.fill(0xff, 4, 40), /row group 0 cannot be decoded/],
    ['of other content', () => Buffer.from('xxxx, this is no Parquet'), /does not start with PAR1/],
  ])('refuses a Parquet file %s', async (_what, damage, message) => {
    const path = fileOf('df.parquet', damage(parquet(rows)))
    await expect(columnsOf(path, ['u_id'], ['text'])).rejects.toMatchObject({ code: 'data_invalid', message })
  })

  it('says what a JSON array is not', async () => {
    const path = fileOf('df.jsonl', '[{"a":1}]')
    await expect(columnsOf(path, ['a'])).rejects.toMatchObject({ code: 'data_invalid', message: /not JSON Lines/ })
  })
})
