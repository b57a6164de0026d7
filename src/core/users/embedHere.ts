import type { Embedder } from '../../shared/config/data'
import { AppError } from '../../shared/errors'
import { MiniLm, MINILM_MODEL, MINILM_WIDTH } from '../embed/minilm'

/**
 * Vectors of pasted texts by what made those of the data. Only the embedder that is part of this program is asked: a service would be sent what
 * somebody pastes, with a key that the window does not have.
 *
 * @throws AppError `usage` where the data needs another embedder, or does not say which; `stopped`, `service_failed`
 */
export async function embedHere(
  embedder: Embedder | undefined,
  texts: readonly string[],
  stop: AbortSignal,
): Promise<number[][]> {
  if (!embedder)
    throw new AppError(
      'usage',
      'The data set does not say what made its vectors, so that pasted texts cannot be embedded',
      {
        key: 'embedder',
        fix: 'Record it as `embedder` in the data configuration, and train again.',
      },
    )
  const { provider, model, dim, normalized } = embedder
  if (provider !== 'minilm' || model !== MINILM_MODEL || dim !== MINILM_WIDTH)
    throw new AppError(
      'usage',
      `The vectors of this data are those of ${provider} ${model} (${dim} numbers), which does not run here`,
      {
        key: 'embedder',
        fix: 'Write the pairs into a file, and predict them with `delta predict`.',
      },
    )
  const items = texts.map((text, row) => ({ text, row }))
  const vectors = await new MiniLm().embed(items, { soon: stop, now: stop }, () => {})
  return vectors.map((vector) => (normalized ? unit(vector) : [...vector]))
}

function unit(vector: Float32Array): number[] {
  const norm = Math.hypot(...vector)
  return Array.from(vector, (value) => (norm === 0 ? 0 : value / norm))
}
