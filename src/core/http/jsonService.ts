import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, messageOf } from '../../shared/errors'
import type { Secret } from './secret'

export interface JsonServiceOptions {
  /** What the service is to a person, as messages name it: `scorer`. */
  name: string
  /** Where requests go, see {@link parseUrl}. */
  endpoint: URL
  key: Secret
  /** One request, from its start to the last byte of its answer. */
  timeoutMs: number
  /** How often a request is sent before it is given up. */
  attempts: number
  /** Pause after the first failure, doubled after each further one. */
  backoffMs?: number
  /** Anything longer is not an answer and must not fill the memory. */
  maxAnswerBytes: number
  /** A request failed in a way that may pass, and is sent again after `waitMs`. */
  onRetry?: (problem: string, waitMs: number) => void
}

/** Aborting `soon` ends waiting and sends nothing more; aborting `now` gives up the request on its way as well. */
export interface StopSignals {
  readonly soon: AbortSignal
  readonly now: AbortSignal
}

const DEFAULT_BACKOFF_MS = 500
const LONGEST_BACKOFF_MS = 60_000
/** A server that asks for a longer pause is out of quota rather than busy. */
const LONGEST_RETRY_AFTER_MS = 15 * 60_000
const EXCERPT_CHARACTERS = 300
/** Before the first success any other failure to connect means a wrong address, not a server that is restarting. */
const PASSING_CODES = new Set([
  'EAI_AGAIN',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_SOCKET',
])

/** What one request came to, other than an answer: a failure that may pass, or one that will not. */
type Failure = { problem: string; passing: boolean; fix: string; retryAfterMs?: number; status?: number }

/** A request that the service will not take, ever. `status` is that of its answer; undefined where it gave none. */
export class ServiceRefusal extends AppError {
  readonly status: number | undefined

  constructor(message: string, fix: string, status: number | undefined) {
    // No cause: what the network layer throws may hold the request with its headers.
    super('service_failed', message, { fix })
    this.status = status
  }
}

/** A service that takes JSON by POST and answers with JSON, asked with patience for what passes. */
export class JsonService {
  /** The address without anything that may be secret in it. */
  readonly place: string
  readonly #options: JsonServiceOptions
  #answered = false
  /** `performance.now()` before which nobody sends: what one batch was told counts for all. */
  #pausedUntil = 0

  constructor(options: JsonServiceOptions) {
    this.#options = options
    this.place = options.endpoint.origin + options.endpoint.pathname
  }

  /**
   * Posts `body` and returns what `read` makes of the answer. Too many requests (429), 408, 5xx, timeouts, broken
   * connections and cut-off answers are tried again with growing pauses; `Retry-After` is obeyed. Anything else would
   * only fail again.
   *
   * @param read the answer, or a sentence on what is wrong with it
   * @throws ServiceRefusal, or AppError `stopped`
   */
  async post<T extends object>(body: object, read: (answer: unknown) => T | string, stop: StopSignals): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      await this.#waitForPause(stop)
      const outcome = await this.#request(body, read, stop)
      if ('answer' in outcome) {
        this.#answered = true
        return outcome.answer
      }
      if (!outcome.passing) throw this.#failed(outcome)
      if (attempt === this.#options.attempts)
        throw this.#failed({ ...outcome, problem: `${outcome.problem} (sent ${attempt} times)` })
      await this.#back(attempt, outcome, stop)
    }
  }

  async #request<T extends object>(
    body: object,
    read: (answer: unknown) => T | string,
    stop: StopSignals,
  ): Promise<{ answer: T } | Failure> {
    const { endpoint, key, timeoutMs, maxAnswerBytes } = this.#options
    const timeout = AbortSignal.timeout(timeoutMs)
    let status = ''
    try {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...key.headers() },
        body: JSON.stringify(body),
        // A redirect would carry the texts, and perhaps the key, to an address that nobody gave.
        redirect: 'manual',
        signal: AbortSignal.any([stop.now, timeout]),
      })
      status = `${response.status} ${response.statusText}`.trim()
      const text = await readText(response, maxAnswerBytes)
      if (!response.ok) return this.#refused(response, status, text)
      const answer = parseJson(text)
      if (answer === undefined) return this.#notJson(text)
      const result = read(answer)
      if (typeof result !== 'string') return { answer: result }
      return { problem: `the answer ${result}`, passing: false, fix: `Its answer: ${this.#excerpt(text)}` }
    } catch (thrown) {
      if (stop.now.aborted) throw stopped()
      return this.#broken(thrown, timeout.aborted, status)
    }
  }

  #refused(response: Response, status: string, text: string): Failure {
    const problem = `it answers ${status}: ${this.#excerpt(text)}`
    const { status: code } = response
    // OpenAI says "too many requests" of an account without credit, too, which no patience fills.
    const spent = code === 429 && text.includes('insufficient_quota')
    const passing = !spent && (code === 429 || code === 408 || code >= 500)
    const fix = spent ? 'The account of this key has no credit left: see its plan and billing.' : adviceFor(code)
    return { problem, passing, fix, status: code, ...retryAfter(response) }
  }

  #notJson(text: string): Failure {
    // Python's json writes them, and no other reader takes them.
    const notNumbers = /[[:,]\s*(NaN|-?Infinity)\b/.test(text)
    return notNumbers
      ? { problem: 'the answer holds NaN or Infinity', passing: false, fix: `Its answer: ${this.#excerpt(text)}` }
      : { problem: `the answer is not JSON: ${this.#excerpt(text)}`, passing: true, fix: 'Is this the right address?' }
  }

  #broken(thrown: unknown, timedOut: boolean, status: string): Failure {
    if (thrown instanceof AnswerTooLong)
      return { problem: thrown.message, passing: false, fix: `Is this the address of a ${this.#options.name}?` }
    if (timedOut)
      return {
        problem: `no complete answer within ${this.#options.timeoutMs / 1000} s`,
        passing: true,
        fix: 'A smaller --batch or a longer --timeout may help.',
      }
    const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const detail = this.#clean(messageOf(cause) || code)
    return {
      problem:
        status === ''
          ? `it cannot be reached: ${detail}`
          : `the connection broke in the middle of its answer: ${detail}`,
      passing: this.#answered || status !== '' || PASSING_CODES.has(code),
      fix: `Check --url, and that the ${this.#options.name} runs.`,
    }
  }

  async #back(attempt: number, failure: Failure, stop: StopSignals): Promise<void> {
    const { backoffMs = DEFAULT_BACKOFF_MS, onRetry } = this.#options
    const { retryAfterMs } = failure
    if (retryAfterMs !== undefined && retryAfterMs > LONGEST_RETRY_AFTER_MS)
      throw this.#failed({
        ...failure,
        problem: `${failure.problem}; it asks for ${Math.round(retryAfterMs / 1000)} s of patience`,
      })
    // Jitter, so that batches that failed together do not return together.
    const backoff = Math.min(LONGEST_BACKOFF_MS, backoffMs * 2 ** (attempt - 1)) * (0.5 + Math.random())
    const wait = Math.max(backoff, retryAfterMs ?? 0)
    if (retryAfterMs !== undefined) this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + retryAfterMs)
    onRetry?.(`${this.place}: ${failure.problem}`, wait)
    await pause(wait, stop)
  }

  async #waitForPause(stop: StopSignals): Promise<void> {
    for (let left = this.#left(); left > 0; left = this.#left()) await pause(left, stop)
    if (stop.soon.aborted) throw stopped()
  }

  #left(): number {
    return this.#pausedUntil - performance.now()
  }

  #failed({ problem, fix, status }: Failure): ServiceRefusal {
    return new ServiceRefusal(`The ${this.#options.name} at ${this.place} failed: ${problem}`, fix, status)
  }

  #excerpt(text: string): string {
    const clean = this.#clean(text)
    if (clean === '') return '(empty)'
    return clean.length > EXCERPT_CHARACTERS ? `${clean.slice(0, EXCERPT_CHARACTERS)}…` : clean
  }

  /** One line without the key and without what could command a terminal. */
  #clean(text: string): string {
    const { key } = this.#options
    return key
      .redact(text)
      .replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
      .trim()
  }
}

/** @throws AppError `config_invalid` for an address that is not http(s) or holds a password */
export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const problem =
    url === undefined || !['http:', 'https:'].includes(url.protocol)
      ? 'is no http:// or https:// address'
      : url.username !== '' || url.password !== ''
        ? 'holds a user name or password'
        : undefined
  if (url && problem === undefined) return url
  const fix = 'Give the bare address; a key comes from the environment variable that --key_env names.'
  throw new AppError('config_invalid', `--url ${problem}`, { key: 'url', fix })
}

class AnswerTooLong extends Error {}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new AnswerTooLong(`the answer is longer than ${maxBytes >> 20} MiB`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Seconds or a date; what is neither is as good as none. */
function retryAfter({ headers }: Response): { retryAfterMs?: number } {
  const value = headers.get('retry-after')?.trim()
  if (!value) return {}
  const wait = /^\d+(\.\d+)?$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now()
  return Number.isFinite(wait) ? { retryAfterMs: Math.max(0, wait) } : {}
}

function adviceFor(status: number): string {
  if (status === 401 || status === 403) return 'Name the environment variable that holds a valid key with --key_env.'
  if (status === 404 || status === 405) return 'Check --url and --provider.'
  if (status >= 300 && status < 400) return 'It redirects; give the final address as --url.'
  if (status === 413) return 'Try a smaller --batch.'
  if (status === 429) return 'Try a smaller --concurrency.'
  if (status >= 500) return 'Look at the log of the service.'
  return 'Check --model and --provider; a smaller --batch may help where texts are long.'
}

async function pause(ms: number, { soon }: StopSignals): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: soon })
  } catch {
    throw stopped()
  }
}

function stopped(): AppError {
  return new AppError('stopped', 'Stopped while waiting for the service')
}
