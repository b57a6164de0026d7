import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../shared/errors'
import { readRecords } from '../import/records'
import { pythonWith } from '../testing/python'
import { temporaryFolder } from './dataFixture'
import { withInput } from './files'
import { openParquet } from './parquet'
import { writeStruct } from '../../shared/parquet/thrift'

function fileOf(bytes: Uint8Array): string {
  const path = join(temporaryFolder(), 'pairs.parquet')
  writeFileSync(path, bytes)
  return path
}

/** Every value of every column. */
async function valuesOf(path: string): Promise<Record<string, unknown[]>> {
  return withInput(path, async (file) => {
    const parquet = await openParquet(file)
    const columns: Record<string, unknown[]> = {}
    for (const { name } of parquet.columns) columns[name] = []
    for (const group of parquet.groupRows.keys())
      for (const { name } of parquet.columns)
        for (const value of Array.from(await parquet.readColumn(group, name))) columns[name]!.push(value)
    return columns
  })
}

async function faultOf(bytes: Uint8Array): Promise<AppError> {
  const error: unknown = await valuesOf(fileOf(bytes)).then(
    () => expect.fail('it was read'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(AppError)
  return error as AppError
}

const sound = (): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'u_id', data: [1n, 2n, null, 4n], type: 'INT64' },
        { name: 'prompt', data: ['a', 'b', 'b', 'a'], type: 'STRING' },
      ],
      codec: 'UNCOMPRESSED',
    }),
  )

/** A file of one column whose only chunk has these bytes: a footer that is sound, before it anything. */
function chunkFile(chunk: Uint8Array, rows: number, type: 'INT32' | 'BYTE_ARRAY' = 'INT32'): Buffer {
  const whole = Buffer.from(
    parquetWriteBuffer({
      columnData: [
        type === 'INT32'
          ? { name: 'x', data: Int32Array.from({ length: rows }, (_, i) => i * 7919), type: 'INT32' }
          : { name: 'x', data: Array<string>(rows).fill(''), type: 'STRING' },
      ],
      codec: 'UNCOMPRESSED',
      statistics: false,
    }),
  )
  const footer = whole.readUInt32LE(whole.length - 8)
  const end = whole.length - 8 - footer
  const room = end - 4
  if (chunk.length > room) throw new Error('the chunk does not fit: give more rows')
  whole.fill(0, 4, end)
  whole.set(chunk, 4)
  return whole
}

describe('a damaged Parquet file', () => {
  test('hyparquet 1.31.5 reads a page header without a size for ever', async () => {
    const found = readFileSync(new URL('../../../fuzz/found/endless.parquet', import.meta.url))
    const error = await faultOf(found)
    expect(error.code).toBe('data_invalid')
    expect(error.message).toMatch(/damaged: row group 0 cannot be decoded/)
    expect(error.details).toMatchObject({ file: expect.stringContaining('pairs.parquet'), column: expect.any(String) })
    const headerWithoutSize = chunkFile(Uint8Array.from(writeStruct({ 1: 0, 5: { 1: 50, 2: 0, 3: 3, 4: 3 } })), 50)
    expect((await faultOf(headerWithoutSize)).message).toMatch(/does not say its compressed size/)
  })

  test('any byte of it changed makes the reader loop, or fail without a sentence', async () => {
    const bytes = sound()
    const path = fileOf(bytes)
    for (let i = 0; i < bytes.length; i++) {
      for (const value of [0, 0x7f, 0xff]) {
        const damaged = Buffer.from(bytes)
        damaged[i] = value
        writeFileSync(path, damaged)
        await valuesOf(path).catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code === 'internal') expect.fail(`byte ${i} as ${value}: ${error}`)
          expect(error.details.file).toBe(path)
        })
      }
    }
  })

  /** A data page of `count` values in encoding 8, with these bytes after its definition levels. */
  const indexPage = (count: number, values: number[]): Uint8Array => {
    const levels = [2, 0, 0, 0, (count << 1) & 0xff, 1]
    const body = [...levels, ...values]
    const head = writeStruct({ 1: 0, 2: body.length, 3: body.length, 5: { 1: count, 2: 8, 3: 3, 4: 3 } })
    return Uint8Array.from([...head, ...body])
  }

  test.each<[string, number[], RegExp]>([
    ['a run that claims a billion values', [1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0], /a run of/],
    ['groups that go on for ever', [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], /groups of values where/],
    ['runs of nothing', [1, 0, 0, 0, 0, 0, 0], /a run of 0/],
    ['an index beyond the dictionary', [8, 100, 9], /the number 9 is beyond 0/],
    ['indices of 200 bits', [200, 3, 1, 1], /indices of 200 bits/],
  ])('%s takes memory or time that the file does not pay for', async (_what, values, message) => {
    const dictionary = [...writeStruct({ 1: 2, 2: 4, 3: 4, 7: { 1: 1, 2: 0 } }), 7, 0, 0, 0]
    const chunk = Uint8Array.from([...dictionary, ...indexPage(50, values)])
    expect((await faultOf(chunkFile(chunk, 50))).message).toMatch(message)
  })

  test('a page that claims a gigabyte is given it', async () => {
    const head = writeStruct({ 1: 0, 2: 0x7fff_ffff, 3: 4, 5: { 1: 50, 2: 0, 3: 3, 4: 3 } })
    expect((await faultOf(chunkFile(Uint8Array.from(head), 50))).message).toMatch(/not plausible/)
  })

  test('a footer whose lists claim millions of values is given room for them', async () => {
    const claims = Buffer.from([0x19, 0xf9, 0xff, 0xff, 0xff, 0x07, 0xf9, 0xff, 0xff, 0xff, 0x07])
    const length = Buffer.alloc(4)
    length.writeUInt32LE(claims.length)
    const error = await faultOf(Buffer.concat([Buffer.from('PAR1'), claims, length, Buffer.from('PAR1')]))
    expect(error.message).toMatch(/footer cannot be read: a list claims/)
  })

  test('text that is not UTF-8 is replaced in silence', async () => {
    const bytes = sound()
    const at = bytes.indexOf(Buffer.from([1, 0, 0, 0, 0x61]))
    bytes[at + 4] = 0xff
    expect((await faultOf(bytes)).message).toMatch(/not valid UTF-8/)
  })

  test('two columns of one name are read as one', async () => {
    const columnData = ['x', 'y'].map((name) => ({ name, data: new Int32Array(3), type: 'INT32' as const }))
    const bytes = Buffer.from(parquetWriteBuffer({ columnData }))
    const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8)
    for (let i = bytes.indexOf('\x01y', footer); i >= 0; i = bytes.indexOf('\x01y', i + 1)) bytes[i + 1] = 0x78
    expect((await faultOf(bytes)).message).toMatch(/two columns have the same name/)
  })
})

const python = pythonWith('pyarrow')
const SCRIPT = `
import sys, json, pyarrow as pa, pyarrow.parquet as pq
n, out = 3000, sys.argv[1]
words = [f'word {i % 37} \\u00fc\\U0001f600 ' + 'x' * (i % 50) for i in range(n)]
t = pa.table({
  'id': pa.array([None if i % 11 == 0 else i * 7919 % 100000 for i in range(n)], pa.int64()),
  'i32': pa.array([(-1) ** i * i * 265443 % 2147483647 for i in range(n)], pa.int32()),
  'text': pa.array([None if i % 7 == 0 else w for i, w in enumerate(words)]),
  'nothing': pa.array([None] * n, pa.string()),
  'd': pa.array([i / 7 for i in range(n)], pa.float64()),
  'b': pa.array([None if i % 5 == 0 else i % 3 == 0 for i in range(n)]),
  'all': pa.array([i % 3 == 0 for i in range(n)]),
  'list': pa.array([None if i % 13 == 0 else [words[i + j - n] if j != 2 else None for j in range(i % 5)] for i in range(n)]),
  'struct': pa.array([{'a': i, 'c': [{'r': k} for k in range(i % 3)]} for i in range(n)]),
  'dictionary': pa.array([words[i % 5] for i in range(n)]).dictionary_encode(),
})
files = {}
for v in ['1.0', '2.0']:
  for c in ['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4']:
    files[c + v] = dict(compression=c, data_page_version=v, row_group_size=1700, data_page_size=3000)
  files['deltas' + v] = dict(use_dictionary=False, data_page_version=v, data_page_size=3000, column_encoding={
    'id': 'DELTA_BINARY_PACKED', 'i32': 'DELTA_BINARY_PACKED', 'text': 'DELTA_BYTE_ARRAY', 'nothing': 'DELTA_LENGTH_BYTE_ARRAY',
    'd': 'BYTE_STREAM_SPLIT', 'b': 'RLE', 'all': 'RLE', 'dictionary': 'DELTA_LENGTH_BYTE_ARRAY', 'list.list.element': 'DELTA_BYTE_ARRAY'})
for name, options in files.items(): pq.write_table(t, f'{out}/{name}.parquet', **options)
json.dump({'rows': t.to_pylist(), 'files': list(files)}, open(out + '/want.json', 'w'))
`

test.skipIf(!python)(
  'what pyarrow writes comes out different (needs $DELTA_PYTHON with pyarrow)',
  async () => {
    const folder = temporaryFolder()
    execFileSync(python!, ['-c', SCRIPT, folder])
    const { rows, files } = JSON.parse(readFileSync(join(folder, 'want.json'), 'utf8')) as {
      rows: unknown[]
      files: string[]
    }
    expect(files).toHaveLength(14)
    for (const name of files) {
      const got: unknown[] = []
      await readRecords(join(folder, `${name}.parquet`), {
        onRecord: (record) => got.push(record),
        onMalformed: () => expect.fail('a row is malformed'),
      })
      expect(got, name).toEqual(rows)
    }
  },
  60_000,
)
