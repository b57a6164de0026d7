import { AppError } from '../../shared/errors'
import { stopSignals } from '../http/stopSignals'
import { estimateTokens, type TextEmbedder, type TextItem } from './providers'
import { textKey, type VectorCache } from './vectorCache'

/** What is still to be computed or paid for. */
export interface EmbedEstimate {
  /** Distinct texts, and those of them that the cache has. */
  readonly texts: number
  readonly cached: number
  /** About, of the texts that the cache lacks. */
  readonly tokens: number
  readonly requests: number
  /** Texts that are about as long as the model reads, or longer. */
  readonly tooLong: number
}

export interface EmbedProgress {
  readonly done: number
  readonly total: number
  readonly cached: number
  /** Since the first call. */
  readonly textsPerSecond: number
  readonly secondsLeft: number
}

export interface EmbedEvents {
  onProgress?: (progress: EmbedProgress) => void
}

/** Distinct texts by the key of their record. */
export type WantedTexts = ReadonlyMap<string, TextItem>

export function distinctTexts(texts: Iterable<string>): Map<string, TextItem> {
  const wanted = new Map<string, TextItem>()
  let row = 0
  for (const text of texts) {
    const key = textKey(text)
    if (!wanted.has(key)) wanted.set(key, { text, row })
    row++
  }
  return wanted
}

/** The texts that the cache lacks, and what they will take. */
export function planTexts(
  wanted: WantedTexts,
  cache: VectorCache,
  embedder: TextEmbedder,
): { missing: [string, TextItem][]; estimate: EmbedEstimate } {
  const known = new Set<string>()
  cache.read((key) => {
    if (wanted.has(key)) known.add(key)
  })
  const missing = [...wanted].filter(([key]) => !known.has(key))
  const { maxTokens = Infinity } = embedder
  let tokens = 0
  for (const [, { text }] of missing) tokens += estimateTokens(text)
  const estimate = {
    texts: wanted.size,
    cached: known.size,
    tokens,
    requests: batches(missing, embedder).length,
    tooLong: [...wanted.values()].filter(({ text }) => estimateTokens(text) > maxTokens).length,
  }
  return { missing, estimate }
}

/**
 * Embeds what is missing, several batches at once; each goes to the cache before the next is asked for, so that the same
 * command goes on where an earlier one ended, for whatever reason.
 *
 * @returns how many texts were embedded: fewer than asked when stopped
 * @throws AppError of the first batch that failed, after those on their way have ended
 */
export async function embedMissing(
  missing: readonly [string, TextItem][],
  cached: number,
  embedder: TextEmbedder,
  cache: VectorCache,
  { onProgress }: EmbedEvents,
  stop: AbortSignal,
): Promise<number> {
  const queue = batches(missing, embedder)
  const total = cached + missing.length
  const started = performance.now()
  let next = 0
  /** In answers that have come, and in the cache. */
  let answered = 0
  let stored = 0
  let failure: unknown
  const failed = new AbortController()
  const signals = stopSignals(stop, failed.signal)
  const report = (): void => {
    const textsPerSecond = (1000 * answered) / Math.max(1, performance.now() - started)
    const left = missing.length - answered
    const secondsLeft = answered === 0 ? (left === 0 ? 0 : Infinity) : left / textsPerSecond
    onProgress?.({ done: cached + answered, total, cached, textsPerSecond, secondsLeft })
  }
  const worker = async (): Promise<void> => {
    while (next < queue.length && !signals.soon.aborted) {
      const batch = queue[next++]!
      const items = batch.map(([, item]) => item)
      const vectors = await embedder.embed(items, signals, (texts) => {
        answered += texts
        report()
      })
      cache.append(
        batch.map(([key]) => key),
        vectors,
      )
      stored += batch.length
    }
  }
  report()
  const guarded = (): Promise<void> =>
    worker().catch((thrown: unknown) => {
      if (thrown instanceof AppError && thrown.code === 'stopped') return
      failure ??= thrown
      failed.abort()
    })
  await Promise.all(Array.from({ length: embedder.concurrency }, guarded))
  signals.dispose()
  if (failure !== undefined) throw withCache(failure, cached + stored, total, cache.file)
  return stored
}

/** Consecutive texts, as many as one call takes. */
function batches(missing: readonly [string, TextItem][], { batch }: TextEmbedder): [string, TextItem][][] {
  const all: [string, TextItem][][] = []
  let current: [string, TextItem][] = []
  let tokens = 0
  for (const entry of missing) {
    const own = estimateTokens(entry[1].text)
    if (current.length > 0 && (current.length >= batch.texts || tokens + own > batch.tokens)) {
      all.push(current)
      current = []
      tokens = 0
    }
    current.push(entry)
    tokens += own
  }
  if (current.length > 0) all.push(current)
  return all
}

function withCache(thrown: unknown, done: number, total: number, file: string): AppError {
  const error = AppError.from(thrown)
  if (done === 0) return error
  const kept = `${done.toLocaleString('en')} of ${total.toLocaleString('en')} vectors are in ${file}: the same command goes on from there.`
  return new AppError(error.code, error.message, {
    ...error.details,
    findings: [...(error.details.findings ?? []), kept],
  })
}
