import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HURTFUL } from './hurtful'
import { READERS } from './readers'

/** The largest of these files is read in a few seconds on a busy machine. */
const HANG_MS = 60_000
/** Of a process that has read all of them, one after the other. */
const MEMORY_MB = 1024
/** Readers of what may as well not be there, and then is left out. */
const MAY_BE_ABSENT = new Set(['metrics.jsonl', 'hparams.yaml', 'vector cache'])
const ABSENT = new Set(['nothing at all', 'a link to nothing', 'a link to itself'])

const OUT = path.join(import.meta.dirname, '..', 'out', 'hurtful')
const root = mkdtempSync(path.join(tmpdir(), 'delta-hurtful-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

// In a process of its own, which can be ended: a reader that waits for a pipe stops everything that it shares one with.
beforeAll(() =>
  build({
    configFile: false,
    logLevel: 'error',
    define: { __DELTA_VERSION__: JSON.stringify('0.0.0-test') },
    build: {
      ssr: true,
      outDir: OUT,
      target: 'node22',
      rolldownOptions: { input: { child: path.join(import.meta.dirname, 'hurtfulChild.ts') } },
    },
  }),
)

interface Line {
  reader: string
  file: string
  state: 'begun' | 'ended'
  outcome?: string
  why?: string
  mb?: number
}

/** Lines of the child, until it ends or has said nothing for too long. */
async function linesOf(readers: readonly string[]): Promise<{ lines: Line[]; stderr: string }> {
  const child = spawn(process.execPath, [path.join(OUT, 'child.js'), root, ...readers], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DELTA_FUZZ_ROOT: import.meta.dirname },
  })
  let stdout = ''
  let stderr = ''
  let watch = setTimeout(() => child.kill('SIGKILL'), HANG_MS)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    clearTimeout(watch)
    watch = setTimeout(() => child.kill('SIGKILL'), HANG_MS)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await new Promise((resolve) => child.on('close', resolve))
  clearTimeout(watch)
  const lines = stdout.split('\n').filter(Boolean)
  return { lines: lines.map((line): Line => JSON.parse(line)), stderr }
}

const NAMES = READERS.filter(({ wrap }) => wrap === undefined).map(({ name }) => name)
/** Readers of one process, whose start takes as long as two of them. */
const TOGETHER = 8
const groups = Array.from({ length: Math.ceil(NAMES.length / TOGETHER) }, (_, g) =>
  NAMES.slice(g * TOGETHER, (g + 1) * TOGETHER),
)

test.skipIf(process.platform === 'win32').each(groups.map((readers) => ({ names: readers.join(', '), readers })))(
  'a hurtful file is waited for, taken for another, or refused without its name: $names',
  async ({ readers }) => {
    const { lines, stderr } = await linesOf(readers)
    // Where it was when it hung, or ended before its time.
    expect({ stderr, last: lines.at(-1) }).toMatchObject({ stderr: '', last: { state: 'ended' } })
    const ended = lines.filter(({ state }) => state === 'ended')
    expect(ended.map(({ reader, file }) => [reader, file])).toEqual(
      readers.flatMap((reader) => HURTFUL.map(({ name }) => [reader, name])),
    )
    expect(ended.filter(({ outcome }) => outcome === 'unclear')).toEqual([])
    const unread = new Set(HURTFUL.filter(({ unreadable }) => unreadable).map(({ name }) => name))
    const read = ended.filter(
      ({ reader, file, outcome }) =>
        unread.has(file) && outcome !== 'clear' && !(MAY_BE_ABSENT.has(reader) && ABSENT.has(file)),
    )
    expect(read).toEqual([])
    expect(Math.max(...ended.map(({ mb }) => mb ?? Infinity))).toBeLessThan(MEMORY_MB)
  },
  4 * HANG_MS,
)
