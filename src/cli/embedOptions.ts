import { type Command } from 'commander'
import { MiniLm, MINILM_MODEL } from '../core/embed/minilm'
import { OpenAiEmbedder } from '../core/embed/openai'
import { EMBED_PROVIDERS, type EmbedProvider, type TextEmbedder } from '../core/embed/providers'
import type { EmbedEstimate, EmbedProgress } from '../core/embed/embedTexts'
import { defaultCacheFolder } from '../core/embed/vectorCache'
import { Secret } from '../core/http/secret'
import { AppError } from '../shared/errors'
import { count, here, positive, positiveWhole } from './dataSet'
import { formatDuration } from './format'
import type { Output } from './output'

/** Flags of everything that embeds. */
export interface ServiceOptions {
  url?: string
  key_env?: string
  dimensions?: number
  batch: number
  batch_tokens: number
  concurrency: number
  timeout: number
  attempts: number
  rpm?: number
  tpm?: number
  price?: number
  cache?: string
}

export function withService(command: Command): Command {
  return command
    .option('--url <url>', 'openai: base address (default: https://api.openai.com/v1)')
    .option('--key_env <name>', 'openai: environment variable that holds the key (never stored)')
    .option('--dimensions <n>', 'openai: width, for models that can be asked for it', positiveWhole)
    .option('--batch <n>', 'openai: texts a request', positiveWhole, 128)
    .option('--batch_tokens <n>', 'openai: estimated tokens a request', positiveWhole, 100_000)
    .option('--concurrency <n>', 'openai: requests at once', positiveWhole, 4)
    .option('--timeout <seconds>', 'openai: of one request', positive, 60)
    .option('--attempts <n>', 'openai: how often a failing request is sent before giving up', positiveWhole, 6)
    .option('--rpm <n>', 'openai: requests a minute, at most', positive)
    .option('--tpm <n>', 'openai: estimated tokens a minute, at most', positive)
    .option('--price <x>', 'openai: price of a million tokens, for the estimate', positive)
    .option('--cache <folder>', "vectors so far (default: the user's cache folder)")
}

export function isProvider(name: string): name is EmbedProvider {
  return EMBED_PROVIDERS.some((known) => known === name)
}

export function cacheFolder({ cache }: ServiceOptions): string {
  return cache === undefined ? defaultCacheFolder(process.env) : here(cache)
}

/** @throws AppError `usage` for a provider that this program cannot ask, or a model that it does not have */
export function makeEmbedder(
  { provider, model }: { provider: string; model?: string },
  options: ServiceOptions,
  output: Output,
): TextEmbedder {
  if (!isProvider(provider))
    throw new AppError('usage', `Vectors of "${provider}" cannot be made here`, {
      key: 'provider',
      fix: `Known: ${EMBED_PROVIDERS.join(', ')}. Give vectors that were made elsewhere as files.`,
    })
  if (provider === 'minilm') {
    if (model !== undefined && model !== MINILM_MODEL)
      throw new AppError('usage', `minilm is ${MINILM_MODEL}, not ${model}`, {
        key: 'model',
        fix: 'Leave --model out, or give --provider openai.',
      })
    return new MiniLm()
  }
  const key = Secret.fromEnvironment(options.key_env, process.env)
  const { url, dimensions, batch, batch_tokens, concurrency, timeout, attempts, rpm, tpm } = options
  let warned = -Infinity
  return new OpenAiEmbedder({
    provider,
    ...(model !== undefined && { model }),
    ...(url !== undefined && { url }),
    ...(dimensions !== undefined && { dimensions }),
    key,
    batch: { texts: batch, tokens: batch_tokens },
    concurrency,
    limits: { requestsPerMinute: rpm, tokensPerMinute: tpm },
    timeoutMs: 1000 * timeout,
    attempts,
    onRetry(problem, wait) {
      const now = performance.now()
      if (now - warned < LINE_EVERY_MS) return
      warned = now
      output.warn(`Trying again in ${formatDuration(wait / 1000)}: ${problem}`)
    },
  })
}

/** Where lines cannot be rewritten, progress and retries are told at most this often. */
const LINE_EVERY_MS = 2_000

/** Tells what embedding will take, and how far it has come. */
export class EmbedReporter {
  readonly #output: Output
  readonly #embedder: TextEmbedder
  readonly #price: number | undefined
  #told = -Infinity

  constructor(output: Output, embedder: TextEmbedder, price: number | undefined) {
    this.#output = output
    this.#embedder = embedder
    this.#price = price
  }

  estimate(estimate: EmbedEstimate): void {
    const { texts, cached, tokens, requests, tooLong } = estimate
    const { provider, model, maxTokens } = this.#embedder
    const missing = texts - cached
    const cost = this.#price === undefined ? undefined : (tokens / 1e6) * this.#price
    this.#output.say(
      `${count(texts)} distinct texts, ${count(cached)} in the cache; ${count(missing)} to embed with ${provider} ${model}`,
    )
    if (provider === 'openai' && missing > 0)
      this.#output.say(
        `  about ${count(tokens)} tokens in ${count(requests)} requests${cost === undefined ? '' : `, about ${cost.toPrecision(3)} at ${this.#price} a million tokens`}`,
      )
    if (tooLong > 0)
      this.#output.warn(
        `Warning: about ${count(tooLong)} texts are longer than the ${maxTokens} tokens that ${model} reads${provider === 'minilm' ? ': only their beginnings count' : ''}`,
      )
    this.#output.object({ type: 'estimate', ...estimate, ...(cost !== undefined && { cost }) })
  }

  progress(progress: EmbedProgress): void {
    const line = progressLine(progress)
    this.#output.status(line)
    const now = performance.now()
    if (this.#output.live || now - this.#told < LINE_EVERY_MS) return
    this.#told = now
    this.#output.say(line)
    this.#output.object({ type: 'progress', ...progress })
  }
}

/** `1,024/20,000 texts  21 texts/s  1 min 30 s left  512 from the cache` */
function progressLine({ done, total, cached, textsPerSecond, secondsLeft }: EmbedProgress): string {
  return [
    `${count(done)}/${count(total)} texts`,
    ...(textsPerSecond > 0 ? [`${textsPerSecond.toPrecision(3)} texts/s`] : []),
    ...(Number.isFinite(secondsLeft) ? [`${formatDuration(secondsLeft)} left`] : []),
    ...(cached > 0 ? [`${count(cached)} from the cache`] : []),
  ].join('  ')
}
