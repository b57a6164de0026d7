import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import { createServer } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'

/** The built program against a real scorer on this machine. */
const root = path.resolve(import.meta.dirname, '..', '..')
const program = path.join(root, 'out', 'main', 'cli.js')
const KEY = 'sk-5ecret-k3y'

beforeAll(() => {
  execFileSync(process.execPath, [path.join(root, 'scripts', 'build.mjs'), '--node', '--quiet'], { stdio: 'pipe' })
})

const bodySchema = z.object({ pairs: z.array(z.object({ prompt: z.string(), answer: z.string() })) })

interface Scorer {
  url: string
  asked: string[]
  /** Called with the number of the request, from 1; resolves to the status to answer with. */
  answer: (request: number) => Promise<number> | number
  /** Requests that are not answered yet. */
  pending: number
}

async function startScorer(): Promise<Scorer> {
  const scorer: Scorer = { url: '', asked: [], answer: () => 200, pending: 0 }
  let requests = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const { pairs } = bodySchema.parse(JSON.parse(Buffer.concat(chunks).toString()))
      scorer.pending++
      const status = await scorer.answer(++requests)
      scorer.pending--
      response.statusCode = status
      if (status !== 200) return response.end(`no: ${request.headers.authorization}`)
      scorer.asked.push(...pairs.map(({ prompt, answer }) => `${prompt}|${answer}`))
      return response.end(JSON.stringify({ rewards: pairs.map(({ answer }) => answer.length) }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (typeof address === 'object' && address) scorer.url = `http://127.0.0.1:${address.port}/`
  return scorer
}

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

interface Started {
  kill: (signal: NodeJS.Signals) => void
  /** It has said that it will stop. */
  stopping: Promise<void>
  ended: Promise<Ended>
}

function folder(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-cli-score-'))
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

function score(dir: string, url: string, ...more: string[]): Started {
  const args = ['data', 'score', '--dts_name', 'simpler', '--url', url, '--output', dir, '--batch', '8', ...more]
  const env = { ...process.env, SCORER_KEY: KEY }
  const child = spawn(process.execPath, [program, ...args, '--key_env', 'SCORER_KEY', '--json'], { cwd: root, env })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
  let stops = (): void => {}
  const stopping = new Promise<void>((resolve) => (stops = resolve))
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString()
    if (stderr.includes('Stopping')) stops()
  })
  return {
    kill: (signal) => child.kill(signal),
    stopping,
    ended: new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr }))),
  }
}

const resultSchema = z.object({
  type: z.string(),
  status: z.string(),
  total: z.int(),
  cached: z.int(),
  scored: z.int(),
})
const resultOf = ({ stdout }: Ended): z.infer<typeof resultSchema> =>
  resultSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))

it('goes on after a kill and after Ctrl-C without asking anything twice', async () => {
  const scorer = await startScorer()
  const dir = folder()
  // A kill loses at most what is on its way: with one request at a time, that is the eleventh, which is never answered.
  const first = score(dir, scorer.url, '--concurrency', '1')
  scorer.answer = async (request) => {
    if (request === 11) {
      first.kill('SIGKILL')
      await first.ended
    }
    return 200
  }
  await first.ended
  // The server may still be answering a client that is gone.
  await expect.poll(() => scorer.pending).toBe(0)
  const kept = 80
  expect(new Set(scorer.asked).size).toBe(scorer.asked.length)
  scorer.asked.length = Math.min(scorer.asked.length, kept)

  const second = score(dir, scorer.url)
  // Those on their way are answered once it knows that it is to stop.
  scorer.answer = async (request) => {
    if (request === 31) second.kill('SIGINT')
    if (request >= 31) await second.stopping
    return 200
  }
  const stopped = await second.ended
  expect(stopped.code).toBe(130)
  expect(resultOf(stopped)).toMatchObject({ status: 'stopped', cached: kept })

  const third = await score(dir, scorer.url).ended
  expect(third.code).toBe(0)
  const { total, cached, scored } = resultOf(third)
  expect(cached).toBe(kept + resultOf(stopped).scored)
  expect(cached + scored).toBe(total)
  expect(scorer.asked).toHaveLength(total)
  expect(new Set(scorer.asked).size).toBe(total)
  const tables = fs.readdirSync(dir).filter((name) => name.endsWith('.parquet'))
  expect(tables.sort()).toEqual(['dev', 'test', 'test_unseen', 'train'].map((split) => `rewards_${split}.parquet`))
})

it('ends with what the scorer said, and without the key, when the key is wrong', async () => {
  const scorer = await startScorer()
  const dir = folder()
  let requests = 0
  scorer.answer = () => {
    requests++
    return 401
  }
  const { code, stdout, stderr } = await score(dir, scorer.url, '--concurrency', '1').ended
  expect(code).toBe(3)
  expect(requests).toBe(1)
  expect(stderr).toContain('401 Unauthorized: no: Bearer [key]')
  const cache = fs.readFileSync(path.join(dir, 'reward_cache.jsonl'), 'utf8')
  expect(stdout + stderr + cache).not.toContain(KEY)
})
