/**
 * How much memory does a run hold beside its embedding file, and how long does it take to begin? Data sets of PRISM's size (27,000
 * pairs of 1,500 users; Kirk et al. 2024) in a temporary folder, two epochs on each in a process of its own: the peak of
 * the engine's resident memory against the file's size.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { orMissing } from './harness/ask'
import { CLI } from './harness/delta'
import type { Question, Row, Target } from './harness/question'

interface Case {
  key: string
  rows: number
  dtype: '<f4' | '<f2'
  /** The number type in memory. */
  tableDtype: 'float32' | 'float16'
}

const WIDTH = 1536
const PAIRS = 27_000
const USERS = 1_500
/** Bytes of a text, about those of a chat answer. */
const TEXT_BYTES = 400
/** The file's bytes over resident memory: what is asked for is less than 1.5 times the file. */
const TARGET: Target = { of: 'ratio', atLeast: 1 / 1.5 }
/** Larger writes gain nothing. */
const WRITE_BYTES = 8 << 20

const CASES: readonly Case[] = [
  { key: '418', rows: 68_000, dtype: '<f4', tableDtype: 'float32' },
  { key: 'f16', rows: 68_000, dtype: '<f4', tableDtype: 'float16' },
  { key: 'half', rows: 68_000, dtype: '<f2', tableDtype: 'float16' },
  { key: '2g', rows: 325_000, dtype: '<f4', tableDtype: 'float32' },
]

/** Numbers that no compiler or file system can shorten: a linear congruential generator's high bits. */
function* randomBits(): Generator<number, never> {
  for (let state = 1; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state
  }
}

function writeNpy(file: string, { rows, dtype }: Case): number {
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${rows}, ${WIDTH}), }`
  const header = Buffer.alloc(128, ' ')
  header.write('\x93NUMPY\x01\x00', 0, 'latin1')
  header.writeUInt16LE(118, 8)
  header.write(text, 10, 'latin1')
  header.write('\n', 127)
  const itemBytes = dtype === '<f4' ? 4 : 2
  const total = rows * WIDTH * itemBytes
  const chunk = new Uint8Array(WRITE_BYTES)
  const singles = new Float32Array(chunk.buffer)
  const halves = new Uint16Array(chunk.buffer)
  let state = 1
  const out = openSync(file, 'w')
  writeSync(out, header)
  for (let done = 0; done < total; done += WRITE_BYTES) {
    for (let i = 0; i < WRITE_BYTES / itemBytes; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      if (dtype === '<f4') singles[i] = (state / 2 ** 31 - 1) * 0.04
      // A sign, an exponent below 2^-4, ten bits of fraction.
      else halves[i] = ((state >>> 16) & 0x83ff) | ((4 + ((state >>> 8) % 7)) << 10)
    }
    writeSync(out, chunk, 0, Math.min(WRITE_BYTES, total - done))
  }
  closeSync(out)
  return 128 + total
}

/** Texts, pairs and a data configuration beside the vectors; pairs point at rows all over the table. */
function writeRest(folder: string, rows: number): void {
  const texts = openSync(join(folder, 'texts.json'), 'w')
  for (let row = 0; row < rows; row++)
    writeSync(texts, `${row === 0 ? '[' : ','}${JSON.stringify(`text ${row} `.padEnd(TEXT_BYTES, 'lorem ipsum '))}`)
  writeSync(texts, ']')
  closeSync(texts)
  const random = randomBits()
  const below = (n: number): number => Math.floor((random.next().value / 2 ** 32) * n)
  const text = (row: number): string => `text ${row} `.padEnd(TEXT_BYTES, 'lorem ipsum ')
  for (const [split, pairs] of [
    ['train', PAIRS],
    ['dev', PAIRS / 10],
  ] as const) {
    const frame = openSync(join(folder, `${split}.jsonl`), 'w')
    for (let i = 0; i < pairs; i++) {
      const [prompt, chosen, rejected] = [below(rows), below(rows), below(rows)]
      const row = {
        u_id: i < USERS ? i : below(USERS),
        prompt: text(prompt),
        chosen: text(chosen),
        rejected: text(rejected),
        prompt_emb_idx: prompt,
        chosen_emb_idx: chosen,
        rejected_emb_idx: rejected,
      }
      writeSync(frame, `${JSON.stringify(row)}\n`)
    }
    closeSync(frame)
  }
  const files = (split: string): object => ({ df_file: `${split}.jsonl`, text_file: 'texts.json', emb_file: 'emb.npy' })
  // JSON is YAML.
  const config = { bench: { dts_path: folder, train: files('train'), dev: files('dev') } }
  writeFileSync(join(folder, 'data_configs.yaml'), JSON.stringify(config))
}

interface Outcome {
  startSeconds: number
  /** The result's line, or null where the run failed. */
  result: { peak_rss_bytes: number; backend: string; ms_per_epoch: number } | null
  error: string
}

/** Trains in a fresh process; `startSeconds` is from its start to the word that training begins. */
async function train(folder: string, { tableDtype }: Case): Promise<Outcome> {
  const args = ['train', '--dts_name', 'bench', '--dts_config_file', join(folder, 'data_configs.yaml'), '--json']
  args.push('--max_epochs', '2', '--log_dir', join(folder, 'logs'), '--set', `trainer.table_dtype=${tableDtype}`)
  const started = performance.now()
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const outcome: Outcome = { startSeconds: NaN, result: null, error: '' }
  child.stderr.on('data', (bytes: Buffer) => (outcome.error += bytes.toString()))
  const ended = new Promise((resolve) => child.on('close', resolve))
  for await (const line of createInterface(child.stdout)) {
    const frame: { type?: string } & Outcome['result'] = JSON.parse(line)
    if (frame.type === 'started') outcome.startSeconds = (performance.now() - started) / 1000
    if (frame.type === 'result') outcome.result = frame
    if (frame.type === 'error') outcome.error += line
  }
  await ended
  return outcome
}

const titleOf = ({ rows, dtype, tableDtype }: Case): string => {
  const megabytes = (rows * WIDTH * (dtype === '<f4' ? 4 : 2)) / 1e6
  return `memory, ${megabytes.toFixed(0)} MB ${dtype === '<f4' ? 'float32' : 'float16'} file held as ${tableDtype}`
}

async function measure(one: Case, row: Row): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), 'delta-memory-'))
  try {
    const bytes = writeNpy(join(folder, 'emb.npy'), one)
    writeRest(folder, one.rows)
    const { result, startSeconds, error } = await train(folder, one)
    if (!result) throw new Error(`delta train failed: ${error.trim().split('\n').at(-1)}`)
    const { peak_rss_bytes, backend, ms_per_epoch } = result
    const ratio = bytes / peak_rss_bytes
    const note =
      `${(peak_rss_bytes / bytes).toFixed(2)} × the file, ${((peak_rss_bytes - tableBytes(one)) / 1e6).toFixed(0)} MB beside one table; ` +
      `training begins after ${startSeconds.toFixed(2)} s, ${ms_per_epoch.toFixed(0)} ms an epoch, backend ${backend}`
    return { ...row, ours: peak_rss_bytes, peer: bytes, ratio: { median: ratio, min: ratio, max: ratio, n: 1 }, note }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const tableBytes = ({ rows, tableDtype }: Case): number => rows * WIDTH * (tableDtype === 'float32' ? 4 : 2)

export const question: Question = {
  name: 'memory',
  title: 'Resident memory against the embedding file',
  async run({ quick, say }) {
    const rows: Row[] = []
    for (const one of quick ? CASES.slice(0, 1) : CASES) {
      say(titleOf(one))
      const row: Row = { what: titleOf(one), unit: 'bytes', peerName: 'the file', target: TARGET }
      rows.push(await orMissing(row, () => measure(one, row)))
    }
    return rows
  },
}
