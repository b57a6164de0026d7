import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { zipSync } from 'fflate'
import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer'
import { maskedCrc32c } from '../src/shared/crc32c'
import { bytes as field, double, float, integer, message, text as textField } from '../src/engine/run/protobuf'
import { encodeSafetensors } from '../src/engine/run/safetensors'

/** Small valid files of every kind, and hostile ones that no mutation would find. */

const TEXTS = ['prompt', 'answer one', 'answer two — ü', 'answer "three"', 'line\nbreak', '😀']
const ROWS = Array.from({ length: 6 }, (_, i) => ({
  u_id: i % 2,
  id: i,
  prompt: TEXTS[0],
  chosen: TEXTS[1 + (i % 2)],
  rejected: TEXTS[3],
  prompt_emb_idx: 0,
  chosen_emb_idx: 1 + (i % 2),
  rejected_emb_idx: 3,
  user_a: i % 2,
  note: i === 0 ? null : { nested: [1, 'two', null] },
}))

const text = (value: string): Buffer => Buffer.from(value)
const lines = (rows: readonly unknown[]): Buffer => text(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
const deep = (open: string, close: string, depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`

export const textsFile: Buffer = text(JSON.stringify(TEXTS))
export const TEXT_COUNT: number = TEXTS.length

const withoutIndices = ROWS.map(({ u_id, prompt, chosen, rejected }) => ({
  u_id: `user ${u_id}`,
  prompt,
  chosen,
  rejected,
}))

export const jsonl: Buffer[] = [
  lines(ROWS),
  lines(withoutIndices),
  text(`\ufeff${lines(ROWS).toString().replaceAll('\n', '\r\n')}`),
  lines([
    { ...ROWS[0], u_id: '9007199254740993' },
    { ...ROWS[1], id: ROWS[0]!.id },
  ]),
  text(`{"u_id":${deep('[', ']', 5_000)},"prompt":"a"}\n`),
  text(`{"u_id":1,"u_id":2,"prompt":"prompt","chosen":"answer one","rejected":"answer \\"three\\""}\n\n \n{}\n[]\n`),
]

export const jsonArray: Buffer[] = [
  text(JSON.stringify(ROWS)),
  text(JSON.stringify(ROWS, null, 2)),
  text(`[${deep('[', ']', 20_000)}]`),
  text(`[${deep('{"a":', '}', 20_000)}]`),
  text('[]'),
]

const CSV = 'u_id,prompt,chosen,rejected,note\r\n1,"a ""quoted"" prompt",one,two,\r\n2,"two\nlines",ü,😀,x\r\n'
export const csv: Buffer[] = [
  text(CSV),
  text(`\ufeff${CSV.replaceAll(',', ';')}`),
  text('a\tb\n1\t2\n'),
  text(`a,b\n1,"${'x'.repeat(300_000)}\n`),
  text(`${'"'.repeat(2_001)},b\n1,2\n`),
  text(`${Array.from({ length: 3_000 }, (_, i) => `c${i}`).join()}\n1\n`),
]

function parquet(columnData: ColumnSource[], rowGroupSize = 4): Buffer {
  return Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize }))
}

const integers = (name: string, values: (number | null)[]): ColumnSource => ({
  name,
  data: values.map((value) => (value === null ? null : BigInt(value))),
  type: 'INT64',
})
const strings = (name: string, data: (string | null | undefined)[]): ColumnSource => ({ name, data, type: 'STRING' })
const pairColumns = (): ColumnSource[] => [
  integers(
    'u_id',
    ROWS.map(({ u_id }) => u_id),
  ),
  strings(
    'prompt',
    ROWS.map(({ prompt }) => prompt),
  ),
  strings(
    'chosen',
    ROWS.map(({ chosen }) => chosen),
  ),
  strings(
    'rejected',
    ROWS.map(({ rejected }) => rejected),
  ),
]

function corpus(ending: string): Buffer[] {
  const folder = path.join(process.env['DELTA_FUZZ_ROOT'] ?? import.meta.dirname, 'corpus')
  const names = readdirSync(folder).filter((name) => name.endsWith(ending))
  return names.sort().map((name) => readFileSync(path.join(folder, name)))
}

export const parquetFiles: Buffer[] = [
  parquet(pairColumns()),
  parquet([
    ...pairColumns(),
    ...['prompt', 'chosen', 'rejected'].map((name) => integers(`${name}_emb_idx`, [0, 1, 2, 3, 4, 5])),
  ]),
  // Nulls everywhere.
  parquet([
    integers('u_id', [1, null, 2, null, null, 3]),
    strings('prompt', [null, 'prompt', null, null, null, null]),
    ...pairColumns().slice(2),
  ]),
  // Nested values and lists in the place of texts, and beside them.
  parquet([
    ...pairColumns().slice(0, 3),
    { name: 'rejected', data: ROWS.map(() => ['a', 'b']) },
    { name: 'extra', data: ROWS.map(() => ({ a: 1, b: [{ c: 'x' }] })), type: 'JSON' },
  ]),
  // A dictionary of long repeated texts, several row groups, doubles as users.
  parquet(
    [
      { name: 'u_id', data: ROWS.map(({ u_id }) => u_id + 0.5), type: 'DOUBLE' },
      strings(
        'prompt',
        ROWS.map((_, i) => 'x'.repeat(5_000) + (i % 2)),
      ),
      ...pairColumns().slice(2),
    ],
    2,
  ),
  parquet([{ name: 'u_id', data: [true, false], type: 'BOOLEAN' }]),
  // What pyarrow writes: second-version pages, deltas, nested columns, the other codecs.
  ...corpus('.parquet'),
]

/** A .npy file with any header and any data. */
export function npyFile(header: string, data: Uint8Array, version = 1): Buffer {
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`
  const prefix = Buffer.alloc(version === 1 ? 10 : 12)
  Buffer.from('\x93NUMPY', 'latin1').copy(prefix)
  prefix[6] = version
  if (version === 1) prefix.writeUInt16LE(padded.length, 8)
  else prefix.writeUInt32LE(padded.length, 8)
  return Buffer.concat([prefix, Buffer.from(padded, 'latin1'), data])
}

const header = (descr: string, order: string, shape: string): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`
const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
const floats = bytesOf(Float32Array.from({ length: TEXT_COUNT * 4 }, (_, i) => i / 7))
const shape = `${TEXT_COUNT}, 4`

export const npy: Buffer[] = [
  npyFile(header('<f4', 'False', shape), floats),
  npyFile(header('<f4', 'False', shape), floats, 2),
  npyFile(
    header('<f8', 'False', shape),
    bytesOf(Float64Array.from({ length: TEXT_COUNT * 4 }, (_, i) => (i === 5 ? NaN : i))),
  ),
  npyFile(header('<f2', 'False', shape), new Uint8Array(TEXT_COUNT * 8)),
  npyFile(header('<f4', 'True', shape), floats),
  npyFile(header('>f4', 'False', shape), floats),
  npyFile(header('|O', 'False', shape), Buffer.from('\x80\x03]q\x00.', 'latin1')),
  npyFile(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (${shape}), }`, floats),
  npyFile(header('<f4', 'False', '9223372036854775807, 9223372036854775807'), floats),
  npyFile(header('<f4', 'False', '-1, 4'), floats),
  npyFile(header('<f4', 'False', '0, 4'), new Uint8Array(0)),
  npyFile(header('<f4', 'False', '4294967296, 4294967296'), new Uint8Array(0)),
  Buffer.concat([Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff', 'latin1'), floats]),
]

const array = (descr: string, dims: string, values: ArrayBufferView): Uint8Array =>
  npyFile(header(descr, 'False', dims), bytesOf(values))
/** SciPy's save_npz of a [6, 3] matrix. */
const csrParts = (): Record<string, Uint8Array> => ({
  'format.npy': array('|S3', '', Buffer.from('csr')),
  'shape.npy': array('<i8', '2,', BigInt64Array.of(6n, 3n)),
  'data.npy': array('<f8', '4,', Float64Array.of(1, 2, 3, 4)),
  'indices.npy': array('<i4', '4,', Int32Array.of(0, 1, 2, 0)),
  'indptr.npy': array('<i4', '7,', Int32Array.of(0, 1, 2, 2, 3, 4, 4)),
})
const zip = (parts: Record<string, Uint8Array>, level: 0 | 9 = 9): Buffer => Buffer.from(zipSync(parts, { level }))

/** An archive of a few KB whose one array inflates to 64 MiB. */
function zipBomb(name: string): Buffer {
  const bomb = new Uint8Array(64 << 20)
  return zip({ ...csrParts(), [name]: npyFile(header('<f8', 'False', `${(64 << 20) / 8},`), bomb) })
}

/** The sizes that an archive states about an entry, changed to a lie. */
function lyingZip(): Buffer {
  const honest = zip(csrParts())
  const name = Buffer.from('data.npy')
  for (let i = honest.indexOf(name); i >= 0; i = honest.indexOf(name, i + 1)) {
    const local = honest.readUInt32LE(Math.max(0, i - 30)) === 0x04034b50
    honest.writeUInt32LE(0xffffffff, local ? i - 30 + 22 : i - 46 + 24)
  }
  return honest
}

export const npz: Buffer[] = [
  zip(csrParts()),
  zip(csrParts(), 0),
  npyFile(header('<f4', 'False', '6, 3'), bytesOf(new Float32Array(18))),
  npyFile(header('|u1', 'False', '6, 3'), new Uint8Array(18)),
  zipBomb('data.npy'),
  zipBomb('format.npy'),
  lyingZip(),
  zip({ ...csrParts(), '../../climbs.npy': new Uint8Array(9), '/etc/absolute.npy': new Uint8Array(9) }),
  zip({ ...csrParts(), 'data.npy': array('|O', '4,', new Uint8Array(4)) }),
  zip({ ...csrParts(), 'indices.npy': array('<i4', '4,', Int32Array.of(0, 1, 2_000_000_000, -1)) }),
  zip({ ...csrParts(), 'indptr.npy': array('<i4', '7,', Int32Array.of(0, 9, 2, 2, 3, 4, 4)) }),
  zip({ ...csrParts(), 'shape.npy': array('<i8', '2,', BigInt64Array.of(2n ** 62n, 3n)) }),
  zip({}),
]

export const texts: Buffer[] = [
  textsFile,
  text(`\ufeff${JSON.stringify(TEXTS, null, 2).replaceAll('\n', '\r\n')}`),
  text('["\\u00e9","\\ud83d\\ude00","\\ud800"]'),
  text(`["${'x'.repeat(100_000)}"]`),
  text(deep('[', ']', 50_000)),
  text('[]'),
]

export const yaml: Buffer[] = [
  text(
    'small:\n  dts_path: .\n  prefix_columns: [user_]\n  train: &a { df_file: a.jsonl, text_file: t.json, emb_file: e.npy }\n  dev: *a\n  test:\n    <<: *a\n    df_file: ../../b.jsonl\n',
  ),
  text('small: { dts_path: "../../../..", train: { df_file: /etc/passwd, text_file: "~/x", emb_file: "$HOME/e" } }\n'),
  // A billion laughs: nine levels of nine aliases each.
  text(
    `small: &a0 [x]\n${Array.from({ length: 9 }, (_, i) => `k${i}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]\n`).join('')}`,
  ),
  text(`small:\n  train: ${deep('[', ']', 3_000)}\n`),
  text(`small: ${'{a: '.repeat(3_000)}1${'}'.repeat(3_000)}\n`),
  text('a: 1\n---\nb: 2\n'),
  text('small: &x\n  train: *x\n'),
]

export const experiment: Buffer[] = [
  text(
    'trainer:\n  batch_size: 32\n  max_epochs: 3\n  betas: [0.9, 0.999]\ncaimira:\n  n_dim: 5\n  centering: pooled\n',
  ),
  text('trainer: { learning_rate: 1e-3, scheduler: cosine, seed: 0 }\nlore: { n_dim: 8 }\n'),
]

const figures = { loss: 0.7, bt_loss: 0.6, reg_loss: 0.1, acc: 0.5, acc_r_star: 0, acc_delta: 0.5, terms: {} }
const meta = {
  format: 1,
  model_name: 'bt',
  model: { lambda_w: 0 },
  width: 4,
  feature_columns: [],
  train_hash: 'xxh64:00',
  users: [1, 'two'],
  epochs: 1,
  steps: 3,
  val: figures,
}
const tensors = [
  { name: 'w.weight', shape: [1, 4], values: Float32Array.of(1, 2, 3, 4) },
  { name: 'b', shape: [], values: Float32Array.of(NaN) },
]
function rawSafetensors(json: string, data: Uint8Array, length = BigInt(json.length)): Buffer {
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(length)
  return Buffer.concat([head, Buffer.from(json), data])
}
export const safetensors: Buffer[] = [
  Buffer.from(encodeSafetensors(tensors, { delta: JSON.stringify(meta) })),
  // As earlier versions described it.
  Buffer.from(
    encodeSafetensors(tensors, { delta: JSON.stringify({ ...meta, train_hash: undefined, train_sha256: '00' }) }),
  ),
  Buffer.from(encodeSafetensors(tensors)),
  rawSafetensors('{}', new Uint8Array(0), 2n ** 63n),
  rawSafetensors(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`, new Uint8Array(4)),
  rawSafetensors(
    `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
    new Uint8Array(4),
  ),
  rawSafetensors(deep('[', ']', 20_000), new Uint8Array(0)),
  rawSafetensors(deep('{"a":', '}', 20_000), new Uint8Array(0)),
]

const record = {
  format: 1,
  id: 'e20fdb07-0000-4000-8000-000000000000',
  exp_name: 'default_exp',
  exp_version: 'v0',
  model_name: 'caimira',
  dts_name: 'simpler',
  status: 'finished',
  created: 1_795_403_236_597,
  ended: 1_795_403_239_597,
  pid: 1,
  host: 'box',
  command: 'delta train',
  version: '0.1.0',
  warnings: ['one'],
}
export const runRecord: Buffer[] = [
  text(JSON.stringify(record)),
  text(JSON.stringify({ ...record, status: 'running', exp_name: '../../climbs', created: 1e308 }, null, 2)),
  text(deep('[', ']', 50_000)),
  text(deep('{"a":', '}', 50_000)),
]

const epoch = (n: number): object => ({
  epoch: n,
  step: 15 * n,
  time: 1_795_403_236_597,
  values: { train_loss: 0.7, val_acc: 0.5 },
})
export const metrics: Buffer[] = [
  lines([epoch(0), epoch(1), epoch(2)]),
  text(`${lines([epoch(0)]).toString()}{"epoch":1,"st`),
  text(deep('[', ']', 50_000)),
]

const talk = (turn: number, role: string, content: string, more: object = {}): object => ({
  turn,
  role,
  content,
  ...more,
})
export const conversations: Buffer[] = [
  lines([
    {
      conversation_id: 'c0',
      user_id: 'user0',
      conversation_history: [
        talk(0, 'user', 'Tea?'),
        talk(0, 'model', 'Green.', { score: 80, if_chosen: true, model_name: 'm' }),
        talk(0, 'model', 'Black.', { score: 30, if_chosen: false }),
        talk(1, 'user', 'Why?'),
        talk(1, 'model', 'So.', { score: 3, if_chosen: true }),
        talk(1, 'model', 'Because.', { score: 3, if_chosen: false }),
      ],
      performance_attributes: { values: 50 },
    },
    { conversation_id: 'c1', user_id: 'user1', conversation_history: [] },
  ]),
]

export const survey: Buffer[] = [
  lines([
    { user_id: 'user0', age: '25-34', gender: 'Female', order_stated_prefs: ['values', 'fluency', 'safety'] },
    { user_id: 'user1', age: null, gender: 'x', marital_status: 'Single', english_proficiency: 'Fluent' },
  ]),
]
export const psoups: Buffer[] = [
  text(JSON.stringify([{ user_input: 'Tea?', completion_a: 'Green.', completion_b: 'Black.' }])),
  text(JSON.stringify([{ instruction: 'Say', input: 'x', output_1: 'a', output_2: 'b', preference: 1 }])),
]
export const ratings: Buffer[] = [
  text('user,prompt,answer,rating\n1,Tea?,Green.,5\n1,Tea?,Black.,3\n2,Tea?,Green.,\n'),
  text('user,prompt,answers,ratings\n1,Tea?,"[""a"",""b""]","[1,2]"\n'),
]
export const tsv: Buffer[] = csv.slice(0, 2).map((each) => text(each.toString().replaceAll(/[,;]/g, '\t')))
export const vocabulary: Buffer[] = [text('eins\nzwei\ndrei\n'), text('\ufeffeins\r\nzwei\r\n'), text('')]

const numbers = (name: string, data: number[]): ColumnSource => ({ name, data, type: 'DOUBLE' })
export const rewards: Buffer[] = [
  parquet([
    integers('prompt_emb_idx', [0, 0, 1]),
    integers('answer_emb_idx', [1, 2, 3]),
    numbers('reward', [0.5, -1, 2]),
  ]),
  lines([{ prompt_emb_idx: 0, answer_emb_idx: 1, reward: 0.25 }]),
]
export const predictions: Buffer[] = [
  parquet([
    integers('u_id', [1, 2, 1]),
    integers('id', [0, 1, 2]),
    numbers('z', [0.5, -1, 2]),
    numbers('p', [1, 0, 1]),
  ]),
  parquet([strings('u_id', ['a', 'b']), strings('id', ['x', 'y']), numbers('z', [1, 2]), numbers('p', [1, 1])]),
]

/** TensorFlow's record: length, its checksum, payload, its checksum. */
export function framed(payload: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeBigUInt64LE(BigInt(payload.length))
  head.writeUInt32LE(maskedCrc32c(head, 0, 8), 8)
  const tail = Buffer.alloc(4)
  tail.writeUInt32LE(maskedCrc32c(payload, 0, payload.length))
  return Buffer.concat([head, payload, tail])
}
const scalars = (step: number): Buffer =>
  Buffer.from(
    message(
      double(1, 1_795_403_236 + step),
      integer(2, step),
      field(5, message(field(1, message(textField(1, 'loss'), float(2, 0.5))))),
    ),
  )
export const eventPayloads: Buffer[] = [
  Buffer.from(message(double(1, 1_795_403_236), textField(3, 'brain.Event:2'))),
  scalars(1),
  Buffer.from(message(integer(2, 3), field(7, integer(1, 1)))),
]
export const eventFiles: Buffer[] = [Buffer.concat(eventPayloads.map(framed)), framed(scalars(7))]

const simulated = {
  format: 1,
  options: {
    pairs: 10,
    users: 2,
    texts: 6,
    answers: 2,
    width: 4,
    attributes: 2,
    temperature: 1,
    ties: 0,
    clusters: 0,
    spread: 1,
    drift: 0.5,
    unseen: 0,
    dev: 0.1,
    test: 0.2,
    embedding_noise: 0.1,
    seed: 0,
  },
}
export const truth: Buffer[] = [text(JSON.stringify({ ...simulated, unseen_users: [], clusters: [], splits: [] }))]
const block = (
  name: string,
  rows: number,
  columns: number,
): { name: string; shape: number[]; values: Float32Array } => ({
  name,
  shape: [rows, columns],
  values: Float32Array.from({ length: rows * columns }, (_, i) => i / 3),
})
export const truthArrays: Buffer[] = [
  Buffer.from(
    encodeSafetensors([
      block('users', 2, 2),
      block('drift', 2, 2),
      block('attributes', 6, 2),
      block('directions', 2, 4),
    ]),
  ),
]

export const CACHE_SCOPE = { provider: 'minilm', model: 'small', identity: 'fuzz' }
/** The name that the cache of this scope has. */
export const CACHE_FILE = `minilm-small-${createHash('sha256').update(CACHE_SCOPE.identity).digest('hex').slice(0, 16)}.vectors`
function cacheRecord(key: string, vector: readonly number[]): Buffer {
  const body = Buffer.concat([
    Buffer.from('DVEC'),
    createHash('sha256').update(key).digest(),
    Buffer.from(Float32Array.from(vector).buffer),
  ])
  const check = Buffer.alloc(4)
  check.writeUInt32LE(crc32(body))
  return Buffer.concat([body, check])
}
const cacheHead = text(
  `${JSON.stringify({ format: 'delta-vector-cache', version: 1, provider: 'minilm', model: 'small', width: 3 })}\n`,
)
export const vectorCaches: Buffer[] = [
  Buffer.concat([cacheHead, cacheRecord('a', [1, 2, 3]), cacheRecord('b', [4, 5, 6])]),
  Buffer.concat([cacheHead, cacheRecord('a', [1, 2, 3]).subarray(0, 20), cacheRecord('b', [4, 5, 6])]),
]
