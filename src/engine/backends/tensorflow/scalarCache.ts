import type { Binding } from './nodeBackend'

/** Values kept beyond their last use; a step's own (learning rate, bias corrections) pass through. */
const KEPT = 64

interface Kept {
  id: number
  users: number
}

/**
 * Hands out one float32 scalar for each value. tfjs makes a new tensor of every constant in every step (a third of caimira's), and each
 * is a transfer to a graphics card; one that stays keeps its copy there.
 */
export class ScalarCache {
  readonly #binding: Pick<Binding, 'createTensor' | 'deleteTensor' | 'TF_FLOAT'>
  /** In order of last use. */
  readonly #byValue = new Map<number, Kept>()
  readonly #valueOf = new Map<number, number>()

  constructor(binding: Pick<Binding, 'createTensor' | 'deleteTensor' | 'TF_FLOAT'>) {
    this.#binding = binding
  }

  createTensor(shape: number[], dtype: number, values: ArrayBufferView): number {
    const isScalar = shape.length === 0 && dtype === this.#binding.TF_FLOAT && values instanceof Float32Array
    // −0 and 0 are one key of a map, and NaN is never worth keeping.
    const value = isScalar && values.length === 1 ? values[0]! : NaN
    if (Number.isNaN(value) || Object.is(value, -0)) return this.#binding.createTensor(shape, dtype, values)
    const kept = this.#byValue.get(value) ?? { id: this.#binding.createTensor(shape, dtype, values), users: 0 }
    kept.users++
    this.#byValue.delete(value)
    this.#byValue.set(value, kept)
    this.#valueOf.set(kept.id, value)
    return kept.id
  }

  deleteTensor(id: number): void {
    const value = this.#valueOf.get(id)
    const kept = value === undefined ? undefined : this.#byValue.get(value)
    if (!kept) return this.#binding.deleteTensor(id)
    kept.users--
    if (this.#byValue.size > KEPT) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const [value, { id, users }] of this.#byValue) {
      if (users > 0) continue
      this.#byValue.delete(value)
      this.#valueOf.delete(id)
      this.#binding.deleteTensor(id)
      return
    }
  }
}
