import path from 'node:path'
import type { DataConfig } from '../../shared/config/data'
import type { SplitAnswers } from '../../shared/domain/scoring'
import { AppError } from '../../shared/errors'
import { runInEngine } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'
import type { Secret } from '../http/secret'
import { stopSignals } from '../http/stopSignals'
import type { ScoreProvider } from './protocol'
import { planTables, writeTable, type TablePlan } from './rewardTables'
import { ScoreCache, ScoreKeys } from './scoreCache'
import { HttpScorer } from './scorer'

export interface ScoreRequest {
  data: DataConfig
  url: string
  provider: ScoreProvider
  model?: string
  key: Secret
  /** Pairs a request. */
  batch: number
  /** Requests on their way at once. */
  concurrency: number
  timeoutMs: number
  attempts: number
  backoffMs?: number
  /** Absolute: a folder, or a `.parquet` file. */
  output: string
  /** Absolute; beside the tables by default. */
  cache?: string
}

export interface ScoreProgress {
  /** Distinct (prompt, answer) texts with a reward so far, those of the cache included. */
  readonly done: number
  readonly total: number
  readonly cached: number
  /** Since the first request. */
  readonly pairsPerSecond: number
  readonly secondsLeft: number
}

export interface ScoreEvents {
  onProgress?: (progress: ScoreProgress) => void
  onRetry?: (problem: string, waitMs: number) => void
}

export interface ScoreResult {
  status: 'finished' | 'stopped'
  total: number
  /** Found in the cache, and asked for now. */
  cached: number
  scored: number
  cache: string
  /** Empty when stopped. */
  tables: { file: string; splits: string[]; pairs: number }[]
}

/** A text and everything that refers to it: one object however many pairs use it. */
interface Text {
  readonly text: string
}

/** A question to the scorer: pairs of equal texts are one. */
interface Question {
  readonly key: string
  readonly prompt: Text
  readonly answer: Text
}

/**
 * Scores every distinct (prompt, answer) pair of every split and writes the tables that `map_rw` reads. Rewards go to
 * the cache as they arrive, so that the same command goes on where an earlier one ended, for whatever reason.
 *
 * @throws AppError `service_failed` (rewards so far are cached), `config_invalid`, `unwritable`, or the data's own faults
 */
export async function scoreDataset(
  request: ScoreRequest,
  spawner: EngineSpawner,
  events: ScoreEvents,
  stop: AbortSignal,
): Promise<ScoreResult> {
  const { provider, url, model, key, timeoutMs, attempts, backoffMs } = request
  const scorer = new HttpScorer({ provider, url, model, key, timeoutMs, attempts, backoffMs, onRetry: events.onRetry })
  const { texts, splits } = await listAnswers(request.data, spawner, stop)
  const plans = planTables(request.output, request.data, splits)
  const { questions, questionsOf } = ask(splits, texts, new ScoreKeys(provider, scorer.identity, model))

  const cache = ScoreCache.open(request.cache ?? path.join(path.dirname(plans[0]!.file), 'reward_cache.jsonl'))
  try {
    const rewards = new Float64Array(questions.length).fill(NaN)
    const cached = await fromCache(cache, questions, rewards)
    const scored = await scoreAll({ questions, rewards, cached }, request, scorer, cache, events, stop)
    const result = { total: questions.length, cached, scored, cache: cache.file }
    if (cached + scored < questions.length) return { status: 'stopped', ...result, tables: [] }
    const tables = plans.map((plan: TablePlan) => ({
      file: plan.file,
      splits: plan.splits,
      pairs: writeTable(plan, (answers, i) => rewards[questionsOf.get(answers)![i]!]!),
    }))
    return { status: 'finished', ...result, tables }
  } finally {
    cache.close()
  }
}

type Texts = Map<string, Map<number, Text>>

/** The engine reads the data; here only the texts and the pairs arrive. */
async function listAnswers(
  data: DataConfig,
  spawner: EngineSpawner,
  stop: AbortSignal,
): Promise<{ texts: Texts; splits: readonly SplitAnswers[] }> {
  const texts: Texts = new Map()
  const answer = await runInEngine(
    spawner,
    { type: 'list_pairs', data },
    (frame) => {
      if (frame.type !== 'texts') return
      const { file, rows, texts: chunk } = frame.chunk
      const known = texts.get(file) ?? new Map<number, Text>()
      texts.set(file, known)
      for (const [i, row] of rows.entries()) known.set(row, { text: chunk[i]! })
    },
    stop,
  )
  if (answer.type !== 'pairs') throw new AppError('engine_protocol', 'The engine answered another question')
  return { texts, splits: answer.splits }
}

/** Numbers the distinct questions; `questionsOf` says which one each pair of a split is. */
function ask(
  splits: readonly SplitAnswers[],
  texts: Texts,
  keys: ScoreKeys,
): { questions: Question[]; questionsOf: ReadonlyMap<SplitAnswers, Int32Array> } {
  const questions: Question[] = []
  const numbers = new Map<string, number>()
  const numberOf = (prompt: Text, answer: Text): number => {
    const key = keys.of(prompt, answer)
    const known = numbers.get(key)
    if (known !== undefined) return known
    numbers.set(key, questions.length)
    return questions.push({ key, prompt, answer }) - 1
  }
  const questionsOf = new Map<SplitAnswers, Int32Array>()
  for (const split of splits) {
    const own = texts.get(split.textFile)
    const text = (row: number): Text => {
      const found = own?.get(row)
      if (!found) throw new AppError('engine_protocol', `The engine sent no text for row ${row} of ${split.textFile}`)
      return found
    }
    questionsOf.set(
      split,
      split.prompts.map((prompt, i) => numberOf(text(prompt), text(split.answers[i]!))),
    )
  }
  return { questions, questionsOf }
}

/** Fills in what has been paid for already. @returns how many those are */
async function fromCache(cache: ScoreCache, questions: readonly Question[], rewards: Float64Array): Promise<number> {
  const open = new Map(questions.map(({ key }, number) => [key, number]))
  const all = open.size
  await cache.read((key, reward) => {
    const number = open.get(key)
    if (number === undefined) return
    rewards[number] = reward
    open.delete(key)
  })
  return all - open.size
}

/**
 * Sends what has no reward yet, several batches at once. @returns how many rewards came
 *
 * @throws AppError of the first batch that failed, after those on their way have ended
 */
async function scoreAll(
  { questions, rewards, cached }: { questions: readonly Question[]; rewards: Float64Array; cached: number },
  { batch, concurrency }: ScoreRequest,
  scorer: HttpScorer,
  cache: ScoreCache,
  { onProgress }: ScoreEvents,
  stop: AbortSignal,
): Promise<number> {
  const open = Uint32Array.from(questions.keys()).filter((number) => Number.isNaN(rewards[number]))
  const started = performance.now()
  let next = 0
  let scored = 0
  let failure: unknown
  const failed = new AbortController()
  const signals = stopSignals(stop, failed.signal)
  const report = (): void => {
    const pairsPerSecond = (1000 * scored) / Math.max(1, performance.now() - started)
    const left = open.length - scored
    const secondsLeft = scored === 0 ? (left === 0 ? 0 : Infinity) : left / pairsPerSecond
    onProgress?.({ done: cached + scored, total: questions.length, cached, pairsPerSecond, secondsLeft })
  }
  const worker = async (): Promise<void> => {
    while (next < open.length && !signals.soon.aborted) {
      const numbers = open.subarray(next, (next += batch))
      const asked = Array.from(numbers, (number) => questions[number]!)
      const got = await scorer.score(
        asked.map(({ prompt, answer }) => ({ prompt: prompt.text, answer: answer.text })),
        signals,
      )
      cache.append(asked.map(({ key }, i) => ({ key, reward: got[i]! })))
      for (const [i, number] of numbers.entries()) rewards[number] = got[i]!
      scored += numbers.length
      report()
    }
  }
  report()
  const guarded = (): Promise<void> =>
    worker().catch((thrown: unknown) => {
      if (thrown instanceof AppError && thrown.code === 'stopped') return
      failure ??= thrown
      failed.abort()
    })
  await Promise.all(Array.from({ length: concurrency }, guarded))
  signals.dispose()
  if (failure !== undefined) throw withCache(failure, cached + scored, questions.length, cache.file)
  return scored
}

function withCache(thrown: unknown, done: number, total: number, file: string): AppError {
  const error = AppError.from(thrown)
  if (done === 0) return error
  const kept = `${done.toLocaleString('en')} of ${total.toLocaleString('en')} rewards are in ${file}: the same command goes on from there.`
  return new AppError(error.code, error.message, {
    ...error.details,
    findings: [...(error.details.findings ?? []), kept],
  })
}
