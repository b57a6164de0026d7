import { RandomStream } from '../loop/random'
import type { World } from './world'

/** Numbers made at once: 4 MiB of float32. */
const CHUNK_NUMBERS = 1 << 20

/**
 * The vectors of all texts, [texts, D] row-major, in pieces of whole rows. Each piece is one buffer, filled anew.
 *
 *     answer  e = (Mᵀ g + x √(A/D) ε) / √(A (1 + x²))        prompt  e = ε / √D
 *
 * with attributes g [A], directions M [A, D], the noise x and ε uniform on ±√3 (variance 1), so that E‖e‖² = 1 for both.
 * Uniform noise costs half a random word a number, normal noise a logarithm and a cosine as well; among hundreds of
 * dimensions nothing tells them apart.
 */
export function* vectorsOf(world: World): Generator<Float32Array> {
  const { options, attributes, directions } = world
  const { width, texts, attributes: A, embedding_noise: noise, seed } = options
  const stream = new RandomStream(seed, 'simulate/vectors')
  const rowsAtOnce = Math.max(1, Math.floor(CHUNK_NUMBERS / width))
  const buffer = new Float32Array(rowsAtOnce * width)
  const scale = 1 / Math.sqrt(A * (1 + noise * noise))
  const answerNoise = noise * Math.sqrt(A / width) * scale
  const promptNoise = 1 / Math.sqrt(width)
  for (let first = 0; first < texts; first += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, texts - first)
    const piece = buffer.subarray(0, rows * width)
    fillNoise(piece, stream)
    for (let r = 0; r < rows; r++) {
      const row = piece.subarray(r * width, (r + 1) * width)
      const isPrompt = world.questions.placeOf(first + r).place === 0
      const sd = isPrompt ? promptNoise : answerNoise
      for (let d = 0; d < width; d++) row[d]! *= sd
      if (isPrompt) continue
      for (let a = 0; a < A; a++) {
        const value = attributes[(first + r) * A + a]! * scale
        const from = a * width
        for (let d = 0; d < width; d++) row[d]! += value * directions[from + d]!
      }
    }
    yield piece
  }
}

/** Uniform on ±√3, 16 bits of randomness each. */
function fillNoise(out: Float32Array, stream: RandomStream): void {
  const scale = (2 * Math.sqrt(3)) / 65536
  const shift = -Math.sqrt(3) + scale / 2
  for (let i = 0; i < out.length; i += 2) {
    const bits = stream.uint32()
    out[i] = (bits & 0xffff) * scale + shift
    if (i + 1 < out.length) out[i + 1] = (bits >>> 16) * scale + shift
  }
}
