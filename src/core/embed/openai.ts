import { z } from 'zod'
import { AppError } from '../../shared/errors'
import { JsonService, parseUrl, ServiceRefusal, type StopSignals } from '../http/jsonService'
import { RateLimit, type RateLimits } from '../http/rateLimit'
import { estimateTokens, type EmbedderChoice, type TextEmbedder, type TextItem } from './providers'

export const OPENAI_URL = 'https://api.openai.com/v1'
export const OPENAI_MODEL = 'text-embedding-3-small'
/** What the service takes at most. */
const MAX_TOKENS = 8191
/** 2,048 vectors of 3,072 numbers as text would be more. */
const MAX_ANSWER_BYTES = 256 << 20
const EXCERPT_CHARACTERS = 60

export interface OpenAiOptions extends EmbedderChoice {
  batch: { texts: number; tokens: number }
  concurrency: number
  limits: RateLimits
}

const answerSchema = z.object({ data: z.array(z.object({ index: z.int(), embedding: z.unknown() })) })

/** Any service with OpenAI's `/embeddings`. */
export class OpenAiEmbedder implements TextEmbedder {
  readonly provider = 'openai'
  readonly model: string
  readonly identity: string
  readonly maxTokens = MAX_TOKENS
  readonly batch: { texts: number; tokens: number }
  readonly concurrency: number
  /** The address without anything that may be secret in it. */
  readonly place: string
  readonly #service: JsonService
  readonly #limit: RateLimit
  readonly #dimensions: number | undefined
  #width: number | undefined

  /** @throws AppError `config_invalid` for an address that is not http(s) or holds a password */
  constructor(options: OpenAiOptions) {
    const endpoint = embeddingsOf(parseUrl(options.url ?? OPENAI_URL))
    this.model = options.model ?? OPENAI_MODEL
    this.batch = options.batch
    this.concurrency = options.concurrency
    this.#dimensions = options.dimensions
    this.#width = options.dimensions
    this.#limit = new RateLimit(options.limits)
    this.#service = new JsonService({
      ...options,
      name: 'embedding service',
      endpoint,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    })
    this.place = this.#service.place
    this.identity = JSON.stringify(['openai', endpoint.href, this.model, options.dimensions ?? null])
  }

  get width(): number | undefined {
    return this.#width
  }

  async embed(items: readonly TextItem[], stop: StopSignals, onDone: (texts: number) => void): Promise<Float32Array[]> {
    try {
      await this.#limit.admit(
        items.reduce((sum, { text }) => sum + estimateTokens(text), 0),
        stop.soon,
      )
      const vectors = await this.#service.post(this.#body(items), (answer) => this.#read(answer, items.length), stop)
      onDone(items.length)
      return vectors
    } catch (thrown) {
      if (!(thrown instanceof ServiceRefusal) || (thrown.status !== 400 && thrown.status !== 413)) throw thrown
      if (items.length === 1) throw aboutText(thrown, items[0]!)
      // One text too long spoils a batch: halves find it, and what fits is paid for once.
      const half = items.length >> 1
      return [
        ...(await this.embed(items.slice(0, half), stop, onDone)),
        ...(await this.embed(items.slice(half), stop, onDone)),
      ]
    }
  }

  #body(items: readonly TextItem[]): object {
    return {
      model: this.model,
      input: items.map(({ text }) => text),
      encoding_format: 'float',
      ...(this.#dimensions !== undefined && { dimensions: this.#dimensions }),
    }
  }

  /** Vectors in the order of the texts, whatever order they came in; or what is wrong with the answer. */
  #read(answer: unknown, texts: number): Float32Array[] | string {
    const parsed = answerSchema.safeParse(answer)
    if (!parsed.success) return 'has no list "data" of {"index", "embedding"}'
    const { data } = parsed.data
    if (data.length !== texts) return `has ${data.length} vectors for ${texts} texts`
    const vectors = new Array<Float32Array | undefined>(texts)
    for (const { index, embedding } of data) {
      if (index < 0 || index >= texts) return `has a vector with index ${index}, for ${texts} texts`
      if (vectors[index]) return `has two vectors with index ${index}`
      if (!Array.isArray(embedding) || embedding.length === 0) return `has no list of numbers at index ${index}`
      const vector = new Float32Array(embedding.length)
      for (const [d, value] of embedding.entries()) {
        vector[d] = typeof value === 'number' ? value : NaN
        if (!Number.isFinite(vector[d]))
          return `has ${(JSON.stringify(value) ?? 'nothing').slice(0, 40)} in the vector with index ${index}, which is no finite float32`
      }
      this.#width ??= vector.length
      if (vector.length !== this.#width)
        return `has a vector of ${vector.length} numbers where ${this.#width} are expected`
      vectors[index] = vector
    }
    return vectors.filter((vector) => vector !== undefined)
  }

  /** What the cache says of earlier answers. */
  expectWidth(width: number): void {
    this.#width ??= width
  }
}

/** `https://host/v1` → `https://host/v1/embeddings`. */
function embeddingsOf(url: URL): URL {
  const endpoint = new URL(url)
  const path = endpoint.pathname.replace(/\/+$/, '')
  endpoint.pathname = path.endsWith('/embeddings') ? path : `${path}/embeddings`
  return endpoint
}

function aboutText(refusal: ServiceRefusal, { text, row }: TextItem): AppError {
  const shown = text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text
  return new AppError('service_failed', refusal.message, {
    row,
    findings: [
      `Text ${row} (${text.length} characters, about ${estimateTokens(text)} tokens): ${JSON.stringify(shown)}`,
    ],
    fix: 'It may be longer than the model takes: shorten it in the pairs, or use a model with a longer context.',
  })
}
