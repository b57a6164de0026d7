import { Heap } from '../heap'

/** Bytes before and after every buffer that no kernel may touch. */
const GUARD_BYTES = 256
/** A word of guard zones and of results not written yet: as float32 a NaN, as an address or a position out of all bounds. */
export const CANARY = -1

/** A heap whose buffers have guard zones on both sides, up to the last byte that was asked for. */
export class GuardedHeap extends Heap {
  #guards: { from: number; bytes: number }[] = []

  override allocate(bytes: number): number {
    const at = super.allocate(bytes + 2 * GUARD_BYTES) + GUARD_BYTES
    const whole = Math.floor(bytes / 4) * 4
    for (const from of [at - GUARD_BYTES, at + whole + (whole < bytes ? 4 : 0)]) {
      this.words(from, GUARD_BYTES / 4 - 1).fill(CANARY)
      this.#guards.push({ from, bytes: GUARD_BYTES - 4 })
    }
    return at
  }

  /** Guards of buffers that are not used any more need no further looks. */
  forget(): void {
    this.#guards = []
  }

  /** How many words of guard zones were overwritten since `forget`. */
  broken(): number {
    return this.#guards.reduce(
      (sum, { from, bytes }) => sum + this.words(from, bytes / 4).filter((word) => word !== CANARY).length,
      0,
    )
  }
}
