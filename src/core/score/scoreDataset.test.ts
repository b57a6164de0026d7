import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { DataConfig } from '../../shared/config/data'
import { AppError } from '../../shared/errors'
import type { EngineSpawner } from '../engine/spawner'
import { PROTOCOL_VERSION } from '../../shared/api/engineProtocol'
import { scoreDataset, type ScoreEvents, type ScoreRequest, type ScoreResult } from './scoreDataset'
import { ScoreCache } from './scoreCache'
import { Secret } from '../http/secret'
import { rewardOf, sayRewards, startServer, type Respond, type TestServer } from './testServer'

const KEY = 'sk-5ecret'
const TEXTS: Record<string, string[]> = {
  // Row 3 of b.json is row 1 of a.json: the same question, to be asked once.
  'a.json': ['prompt', ...Array.from({ length: 20 }, (_, i) => `answer ${'x'.repeat(i)}`)],
  'b.json': ['unused', 'another prompt', 'prompt', 'answer '],
}
const SPLITS = [
  {
    split: 'train',
    textFile: 'a.json',
    prompts: new Int32Array(20),
    answers: Int32Array.from({ length: 20 }, (_, i) => i + 1),
  },
  { split: 'test', textFile: 'b.json', prompts: Int32Array.of(1, 2), answers: Int32Array.of(3, 3) },
]
/** 20 of train and 2 of test, one of which train has too. */
const QUESTIONS = 21

/** An engine that has read the data already. */
const engine: EngineSpawner = {
  spawn() {
    let tell: (frame: unknown) => void = () => {}
    let end: (exit: { code: number; signal: null; stderr: string }) => void = () => {}
    const say = (frame: object): void => tell({ v: PROTOCOL_VERSION, ...frame })
    queueMicrotask(() => say({ type: 'ready' }))
    return {
      send(request) {
        if (request.type !== 'list_pairs') return
        for (const [file, texts] of Object.entries(TEXTS))
          say({ type: 'texts', chunk: { file, rows: [...texts.keys()], texts } })
        say({ type: 'pairs', splits: SPLITS })
        end({ code: 0, signal: null, stderr: '' })
      },
      onFrame: (listener) => (tell = listener),
      onExit: (listener) => (end = listener),
      kill: () => {},
    }
  },
}

const split = { df_file: 'df.parquet', text_file: 'a.json', emb_file: 'emb.npy' }
const data: DataConfig = { dts_name: 'd', dts_path: '.', prefix_columns: [], train: split, test: split }

function folder(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-score-'))
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

interface Run {
  server: TestServer
  dir: string
  score: (change?: Partial<ScoreRequest>, events?: ScoreEvents, stop?: AbortSignal) => Promise<ScoreResult>
}

async function start(respond: Respond = sayRewards): Promise<Run> {
  const server = await startServer(respond)
  const dir = folder()
  const request: ScoreRequest = {
    data,
    url: server.url,
    provider: 'http',
    key: Secret.fromEnvironment('K', { K: KEY }),
    batch: 4,
    concurrency: 2,
    timeoutMs: 60_000,
    attempts: 2,
    backoffMs: 1,
    output: dir,
  }
  return {
    server,
    dir,
    score: (change = {}, events = {}, stop = new AbortController().signal) =>
      scoreDataset({ ...request, ...change }, engine, events, stop),
  }
}

const asked = ({ requests }: TestServer): string[] =>
  requests.flatMap(({ pairs }) => pairs.map(({ prompt, answer }) => `${prompt}|${answer}`))

async function table(file: string): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file: await asyncBufferFromFile(file) })
}

describe('scoring a data set', () => {
  it('asks every distinct question once and writes one table a split', async () => {
    const { server, dir, score } = await start()
    const result = await score()
    expect(result).toMatchObject({ status: 'finished', total: QUESTIONS, scored: QUESTIONS, cached: 0 })
    expect(new Set(asked(server)).size).toBe(QUESTIONS)
    expect(asked(server)).toHaveLength(QUESTIONS)
    expect(server.requests).toHaveLength(Math.ceil(QUESTIONS / 4))
    const reward = (file: string, prompt: number, answer: number): number =>
      rewardOf({ prompt: TEXTS[file]![prompt]!, answer: TEXTS[file]![answer]! })
    expect(await table(path.join(dir, 'rewards_test.parquet'))).toEqual([
      { prompt_emb_idx: 1, answer_emb_idx: 3, reward: reward('b.json', 1, 3) },
      { prompt_emb_idx: 2, answer_emb_idx: 3, reward: reward('b.json', 2, 3) },
    ])
    const train = await table(path.join(dir, 'rewards_train.parquet'))
    expect(train).toHaveLength(20)
    expect(train[7]).toEqual({ prompt_emb_idx: 0, answer_emb_idx: 8, reward: reward('a.json', 0, 8) })
  })

  it('asks nothing when everything has been paid for, and again for another model', async () => {
    const { server, score } = await start()
    await score()
    const before = server.requests.length
    expect(await score()).toMatchObject({ scored: 0, cached: QUESTIONS, status: 'finished' })
    expect(server.requests).toHaveLength(before)
    expect(await score({ model: 'other' })).toMatchObject({ scored: QUESTIONS, cached: 0 })
  })

  it('goes on where a failure ended it, without asking twice', async () => {
    let broken = true
    const { server, dir, score } = await start((response, pairs, attempt, request) => {
      if (broken && attempt > 3) response.writeHead(400).end('the quota is used up')
      else sayRewards(response, pairs, attempt, request)
    })
    const error = await score({ concurrency: 1 }).catch((thrown: unknown) => AppError.from(thrown))
    expect(error).toMatchObject({ code: 'service_failed' })
    if (!(error instanceof AppError)) throw new Error('expected an error')
    expect(error.message).toContain('the quota is used up')
    expect(error.details.findings?.[0]).toContain('12 of 21')
    expect(fs.readdirSync(dir)).toEqual(['reward_cache.jsonl'])
    broken = false
    const good = server.requests.slice(0, 3).flatMap(({ pairs }) => pairs.map(({ answer }) => answer))
    expect(await score()).toMatchObject({ cached: 12, scored: QUESTIONS - 12, status: 'finished' })
    const later = server.requests.slice(4).flatMap(({ pairs }) => pairs)
    expect(later).toHaveLength(QUESTIONS - 12)
    expect(good).toHaveLength(12)
  })

  it('keeps what was on its way when it is stopped, and says so', async () => {
    const stop = new AbortController()
    let sayFirst = (): void => {}
    const { server, score, dir } = await start((response, pairs, attempt, request) => {
      const say = (): void => sayRewards(response, pairs, attempt, request)
      // Both that may be on their way at once are, when it is stopped.
      if (attempt === 1) return void (sayFirst = say)
      if (attempt === 2) {
        stop.abort()
        sayFirst()
      }
      say()
    })
    const result = await score({}, {}, stop.signal)
    expect(result).toMatchObject({ status: 'stopped', scored: 8, tables: [] })
    expect(server.requests).toHaveLength(2)
    expect(fs.readdirSync(dir)).toEqual(['reward_cache.jsonl'])
    await score()
    expect(asked(server)).toHaveLength(QUESTIONS)
  })

  it('never writes the key, nor a text, to the cache or the tables', async () => {
    const { dir, score } = await start()
    await score()
    for (const name of fs.readdirSync(dir)) {
      const bytes = fs.readFileSync(path.join(dir, name), 'latin1')
      expect(bytes).not.toContain(KEY)
      expect(bytes).not.toContain('answer x')
    }
  })

  it('passes over the line that a crash cut off and asks that one again', async () => {
    const { server, dir, score } = await start()
    await score()
    const cache = path.join(dir, 'reward_cache.jsonl')
    const whole = fs.readFileSync(cache, 'utf8')
    fs.writeFileSync(cache, whole.slice(0, -20))
    const before = asked(server).length
    expect(await score()).toMatchObject({ cached: QUESTIONS - 1, scored: 1 })
    expect(asked(server)).toHaveLength(before + 1)
    expect(await score()).toMatchObject({ cached: QUESTIONS, scored: 0 })
  })

  it('survives a crash in the middle of the very first line', async () => {
    const { dir, score } = await start()
    fs.writeFileSync(path.join(dir, 'reward_cache.jsonl'), '{"format":"del')
    await score()
    expect(await score()).toMatchObject({ cached: QUESTIONS })
  })

  it('leaves a file alone that is no cache', async () => {
    const { dir, score, server } = await start()
    const cache = path.join(dir, 'df.jsonl')
    fs.writeFileSync(cache, '{"u_id": 1}\n')
    await expect(score({ cache })).rejects.toMatchObject({ code: 'config_invalid' })
    expect(fs.readFileSync(cache, 'utf8')).toBe('{"u_id": 1}\n')
    expect(server.requests).toHaveLength(0)
  })

  it('refuses one table for different text files, and a file of the data set, before it asks anything', async () => {
    const { dir, score, server } = await start()
    await expect(score({ output: path.join(dir, 'r.parquet') })).rejects.toMatchObject({ code: 'config_invalid' })
    const own = { ...data, train: { ...split, df_file: path.join(dir, 'rewards_train.parquet') } }
    await expect(score({ data: own })).rejects.toMatchObject({ code: 'config_invalid', details: { key: 'output' } })
    expect(server.requests).toHaveLength(0)
  })

  it('reports progress up to the end', async () => {
    const { score } = await start()
    const seen: number[] = []
    await score({}, { onProgress: ({ done, total }) => seen.push(done / total) })
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBe(1)
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen)
  })
})

it('holds a large cache', async () => {
  const cache = ScoreCache.open(path.join(folder(), 'cache.jsonl'))
  for (let i = 0; i < 20; i++)
    cache.append(Array.from({ length: 1000 }, (_, j) => ({ key: `${i}-${j}`, reward: i + j / 1000 })))
  let rewards = 0
  await cache.read(() => rewards++)
  cache.close()
  expect(rewards).toBe(20_000)
})
