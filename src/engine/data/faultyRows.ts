/** Rows with some fault; `firstRow` is -1 when there is none. */
export interface FaultyRows {
  readonly count: number
  readonly firstRow: number
}

/** Counts rows that are added in order; a row of which several stretches are at fault is counted once. */
export class RowCounter {
  private count = 0
  private firstRow = -1
  private lastRow = -1
  private readonly onRow: ((row: number) => void) | undefined

  constructor(onRow?: (row: number) => void) {
    this.onRow = onRow
  }

  get found(): FaultyRows {
    return { count: this.count, firstRow: this.firstRow }
  }

  add(row: number): void {
    if (row === this.lastRow) return
    this.lastRow = row
    this.count++
    if (this.firstRow < 0) this.firstRow = row
    this.onRow?.(row)
  }
}

/** 32-bit words looked at together: few enough to be in the nearest cache when one of them has to be found. */
const BLOCK_WORDS = 2048

/**
 * All exponent bits set means infinite or NaN. Adding the lowest exponent bit to the exponent alone then carries into
 * the sign's place, and into no other; two halves are tested in one word.
 */
const EXPONENT = {
  float32: { mask: 0x7f800000, lowest: 0x00800000, carry: 0x80000000 | 0 },
  float16: { mask: 0x7c007c00, lowest: 0x04000400, carry: 0x80008000 | 0 },
} as const

/**
 * Notes the rows that hold NaN or an infinite number. Looking at blocks without a branch inside is four times as fast
 * as looking at values; only a block that has one is looked at value by value.
 *
 * @param values consecutive elements of a [rows, width] matrix: numbers, or the bits of halves
 * @param start the first one's place in the matrix
 * @param rows is told each row once
 */
export function findNonFinite(
  values: Float32Array | Uint16Array,
  start: number,
  width: number,
  rows: { add: (row: number) => void },
): void {
  const half = values instanceof Uint16Array
  const { mask, lowest, carry } = half ? EXPONENT.float16 : EXPONENT.float32
  const perWord = half ? 2 : 1
  // Words are aligned to four bytes, halves to two.
  const lead = half && values.byteOffset % 4 !== 0 ? 1 : 0
  const words = new Int32Array(
    values.buffer,
    values.byteOffset + 2 * lead,
    Math.max(0, Math.floor((values.length - lead) / perWord)),
  )
  let last = -1
  const look = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      if (isFiniteElement(values, i)) continue
      const row = Math.floor((start + i) / width)
      if (row === last) continue
      last = row
      rows.add(row)
    }
  }
  look(0, Math.min(lead, values.length))
  for (let from = 0; from < words.length; from += BLOCK_WORDS) {
    const to = Math.min(words.length, from + BLOCK_WORDS)
    if ((carries(words, from, to, mask, lowest) & carry) !== 0) look(lead + from * perWord, lead + to * perWord)
  }
  look(lead + words.length * perWord, values.length)
}

function isFiniteElement(values: Float32Array | Uint16Array, i: number): boolean {
  return values instanceof Uint16Array ? (values[i]! & 0x7c00) !== 0x7c00 : Number.isFinite(values[i])
}

function carries(words: Int32Array, from: number, to: number, mask: number, lowest: number): number {
  let seen = 0
  let i = from
  for (; i + 8 <= to; i += 8) {
    seen |=
      ((words[i]! & mask) + lowest) |
      ((words[i + 1]! & mask) + lowest) |
      ((words[i + 2]! & mask) + lowest) |
      ((words[i + 3]! & mask) + lowest) |
      ((words[i + 4]! & mask) + lowest) |
      ((words[i + 5]! & mask) + lowest) |
      ((words[i + 6]! & mask) + lowest) |
      ((words[i + 7]! & mask) + lowest)
  }
  for (; i < to; i++) seen |= (words[i]! & mask) + lowest
  return seen
}
