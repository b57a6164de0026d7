/**
 * How long does `delta data split` take over a million judgements, and how much memory? The file is made first: 40,000 questions with four
 * answers each, judged 25 times by 5,000 people, texts of a chat's length. No row may be lost.
 */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { orMissing } from './harness/ask'
import { CLI } from './harness/delta'
import { Missing } from './harness/missing'
import { lastObject, lastWords } from './harness/processes'
import type { Question, Row, Setting, Target } from './harness/question'

const ROWS = 1_000_000
const QUICK_ROWS = 20_000
const ROWS_A_QUESTION = 25
const ANSWERS = 4
const PEOPLE = 5_000
/** What docs/data-preparation.md states, with the program itself. */
const MEMORY: Target = { of: 'ours', atMost: 512e6 }
/** The engine's own high-water mark is read so often; it ends with its last file. */
const LOOK_EVERY_MS = 20
/** Lines that one write takes to the disk. */
const LINES_A_WRITE = 2_000

const WAYS: readonly { what: string; flags: readonly string[] }[] = [
  { what: 'by qid, stratified by topic', flags: ['--by', 'qid', '--stratify', 'topic'] },
  { what: 'by user and qid', flags: ['--by', 'user,qid'] },
]

export const question: Question = {
  name: 'preparation',
  title: 'A million raw judgements are split',
  async run(setting) {
    const folder = mkdtempSync(join(tmpdir(), 'delta-bench-split-'))
    try {
      const rows = setting.quick ? QUICK_ROWS : ROWS
      const input = join(folder, 'raw.jsonl')
      setting.say(`Writing ${rows.toLocaleString('en')} judgements…`)
      const bytes = writeJudgements(input, rows)
      const answers: Row[] = []
      for (const { what, flags } of WAYS) {
        const title = `split of ${rows.toLocaleString('en')} rows (${(bytes / 2 ** 20).toFixed(0)} MiB) ${what}`
        const memory: Row = { what: `${title}, memory`, unit: 'bytes', target: MEMORY }
        const time: Row = { what: title, unit: 's' }
        answers.push(
          await orMissing(time, async () => {
            const { seconds, peak } = await split(setting, input, join(folder, 'out'), flags, rows)
            memory.ours = peak
            return { ...time, ours: seconds }
          }),
          memory.ours === undefined ? { ...memory, missing: 'the split gave no figure' } : memory,
        )
      }
      return answers
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

function writeJudgements(file: string, rows: number): number {
  const out = openSync(file, 'w')
  let state = 1
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  let lines: string[] = []
  for (let row = 0; row < rows; row++) {
    const q = Math.floor(row / ROWS_A_QUESTION)
    const chosen = below(ANSWERS)
    const answer = (n: number): string => `Answer ${n} to question ${q}. `.padEnd(140, 'It depends on whom you ask. ')
    lines.push(
      JSON.stringify({
        id: row,
        qid: `q${q}`,
        topic: `topic ${q % 12}`,
        u_id: `person ${below(PEOPLE)}`,
        prompt: `Question ${q}: `.padEnd(100, 'what would you do in my place? '),
        chosen: answer(chosen),
        rejected: answer((chosen + 1 + below(ANSWERS - 1)) % ANSWERS),
      }),
    )
    if (lines.length < LINES_A_WRITE && row + 1 < rows) continue
    writeSync(out, `${lines.join('\n')}\n`)
    lines = []
  }
  closeSync(out)
  return statSync(file).size
}

const resultSchema = z.object({
  rows: z.number(),
  splits: z.array(z.object({ split: z.string(), pairs: z.number() })),
  dropped: z.array(z.object({ rows: z.number() })),
})

/** @throws Missing where the system does not say what a process has held; Error where a row is lost */
async function split(
  { say }: Setting,
  input: string,
  output: string,
  flags: readonly string[],
  rows: number,
): Promise<{ seconds: number; peak: number }> {
  if (!existsSync('/proc/self/status')) throw new Missing('this system has no /proc')
  rmSync(output, { recursive: true, force: true })
  const began = performance.now()
  const child = spawn(process.execPath, [
    CLI,
    'data',
    'split',
    '--input',
    input,
    '--output',
    output,
    ...flags,
    '--json',
  ])
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  let peak = 0
  const watch = setInterval(() => (peak = Math.max(peak, peakOfChildren(child.pid))), LOOK_EVERY_MS)
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearInterval(watch)
  const seconds = (performance.now() - began) / 1000
  const result = resultSchema.safeParse(lastObject(stdout)).data
  if (code !== 0 || !result) throw new Error(lastWords(stderr) || 'the split printed no result')
  const kept = result.splits.reduce((sum, { pairs }) => sum + pairs, 0)
  const lost = result.dropped.reduce((sum, dropped) => sum + dropped.rows, 0)
  if (result.rows !== rows || kept + lost !== rows) throw new Error(`${rows - kept - lost} rows are lost`)
  say(`${flags.join(' ')}: ${seconds.toFixed(1)} s, ${(peak / 1e6).toFixed(0)} MB, ${lost} rows dropped`)
  return { seconds, peak }
}

/** Bytes that a child of the process, the engine, has held at most so far. */
function peakOfChildren(pid: number | undefined): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    return Math.max(0, ...children.filter(Boolean).map(highWaterMark))
  } catch {
    return 0
  }
}

function highWaterMark(pid: string): number {
  try {
    return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    // It has just ended.
    return 0
  }
}
