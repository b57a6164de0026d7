import { RandomStream, philox } from '../../shared/random'

export { RandomStream, philox }

/** Fills with U(−bound, bound). */
export function fillUniform(out: Float32Array, bound: number, stream: RandomStream): void {
  for (let i = 0; i < out.length; i++) out[i] = (2 * stream.uniform() - 1) * bound
}

/** Fills with N(0, sd²), by Box and Muller's transform. */
export function fillNormal(out: Float32Array, sd: number, stream: RandomStream): void {
  for (let i = 0; i < out.length; i += 2) {
    const radius = sd * Math.sqrt(-2 * Math.log(stream.uniform()))
    const angle = 2 * Math.PI * stream.uniform()
    out[i] = radius * Math.cos(angle)
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle)
  }
}

/** A uniform permutation of 0…n−1 (Fisher and Yates). */
export function permutation(n: number, stream: RandomStream): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = stream.below(i + 1)
    const other = order[j]!
    order[j] = order[i]!
    order[i] = other
  }
  return order
}
