import type { Secret } from '../http/secret'
import type { StopSignals } from '../http/jsonService'

export const EMBED_PROVIDERS = ['minilm', 'openai'] as const
export type EmbedProvider = (typeof EMBED_PROVIDERS)[number]

/** How a person names what is to make the vectors. */
export interface EmbedderChoice {
  provider: EmbedProvider
  /** `openai` alone. */
  model?: string
  url?: string
  /** Asks models that can for shorter vectors. */
  dimensions?: number
  key: Secret
  timeoutMs: number
  attempts: number
  backoffMs?: number
  onRetry?: (problem: string, waitMs: number) => void
}

/** A text and where it stands, for messages. */
export interface TextItem {
  readonly text: string
  readonly row: number
}

/** What turns texts into vectors. */
export interface TextEmbedder {
  readonly provider: EmbedProvider
  readonly model: string
  /** Known beforehand, or undefined until the first answer. */
  readonly width: number | undefined
  /** Everything on which a vector depends besides the text: the scope of its place in the cache. */
  readonly identity: string
  /** Longer texts are cut, or refused by the service; undefined where nobody knows. */
  readonly maxTokens: number | undefined
  /** Texts, and estimated tokens, worth one call. */
  readonly batch: { texts: number; tokens: number }
  /** Calls at once. */
  readonly concurrency: number
  /** One vector a text, in their order, all of one width and finite. @throws AppError */
  embed(items: readonly TextItem[], stop: StopSignals, onDone: (texts: number) => void): Promise<Float32Array[]>
}

/** Latin letters come in fours and fives to a token; of other scripts each letter is about one. */
const LETTERS_PER_TOKEN = 4

/** About how many tokens a text has: without the model's own tokeniser nobody knows exactly. */
export function estimateTokens(text: string): number {
  let other = 0
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x24f) other++
  return Math.max(1, Math.ceil((text.length - other) / LETTERS_PER_TOKEN + other))
}
