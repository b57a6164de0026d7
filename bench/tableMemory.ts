/**
 * How much memory does a run hold beside its embedding file, and how long does it take to begin? `npm run bench:memory`
 * makes data sets of PRISM's size (27,000 pairs of 1,500 users; Kirk et al. 2024) in a temporary folder, trains two
 * epochs on each in a process of its own, and prints the peak of the engine's resident memory against the file's size.
 *
 * Flags: `--only 418,2g,f16` chooses among the cases, everything after `--` goes to `delta train`.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

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
/** Resident memory over the file's bytes that the design asks for. */
const REACH = 1.5
/** Larger writes gain nothing. */
const WRITE_BYTES = 8 << 20

const CASES: readonly Case[] = [
  { key: '418', rows: 68_000, dtype: '<f4', tableDtype: 'float32' },
  { key: 'f16', rows: 68_000, dtype: '<f4', tableDtype: 'float16' },
  { key: 'half', rows: 68_000, dtype: '<f2', tableDtype: 'float16' },
  { key: '2g', rows: 325_000, dtype: '<f4', tableDtype: 'float32' },
]

const ROOT = join(import.meta.dirname, '..')
const say = (line: string): boolean => process.stdout.write(`${line}\n`)

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
async function train(folder: string, { tableDtype }: Case, more: readonly string[]): Promise<Outcome> {
  const args = ['train', '--dts_name', 'bench', '--dts_config_file', join(folder, 'data_configs.yaml'), '--json']
  args.push(
    '--max_epochs',
    '2',
    '--log_dir',
    join(folder, 'logs'),
    ...more,
    '--set',
    `trainer.table_dtype=${tableDtype}`,
  )
  const started = performance.now()
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'delta.mjs'), ...args], {
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

async function measure(one: Case, more: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'delta-memory-'))
  try {
    mkdirSync(folder, { recursive: true })
    const bytes = writeNpy(join(folder, 'emb.npy'), one)
    writeRest(folder, one.rows)
    const { result, startSeconds, error } = await train(folder, one, more)
    const name = `${(bytes / 1e6).toFixed(0)} MB ${one.dtype === '<f4' ? 'float32' : 'float16'} file, held as ${one.tableDtype}`
    if (!result) return void say(`${name}: failed: ${error.trim().split('\n').at(-1)}`)
    const ratio = result.peak_rss_bytes / bytes
    const beside = result.peak_rss_bytes - tableBytes(one)
    say(
      `${name}: peak ${(result.peak_rss_bytes / 1e6).toFixed(0)} MB = ${ratio.toFixed(2)} × the file (reach < ${REACH}), ` +
        `${(beside / 1e6).toFixed(0)} MB beside one table; training begins after ${startSeconds.toFixed(2)} s, ` +
        `${result.ms_per_epoch.toFixed(0)} ms an epoch, backend ${result.backend}`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const tableBytes = ({ rows, tableDtype }: Case): number => rows * WIDTH * (tableDtype === 'float32' ? 4 : 2)

const args = process.argv.slice(2)
const only = args.includes('--only') ? args[args.indexOf('--only') + 1]?.split(',') : undefined
const more = args.includes('--') ? args.slice(args.indexOf('--') + 1) : []
for (const one of CASES) if (!only || only.includes(one.key)) await measure(one, more)
