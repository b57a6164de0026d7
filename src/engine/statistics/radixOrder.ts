/** Bits of a key that one pass looks at: the counters of all their values fit the processor's nearest memory. */
const DIGIT_BITS = 11
const DIGITS = 1 << DIGIT_BITS
const WORD_BITS = 32
/** Above every other number, as the bits of a key. */
const MISSING = 0xffff_ffff

/**
 * Places of the keys in ascending order (or descending), equal ones as they stand, NaN last either way. By the bits of the keys, eleven at a
 * time (radix sort from the lowest): a few passes whatever the number of keys, and none over bits that are the same in all of them.
 */
export function radixOrder(keys: Float64Array, descending = false): Int32Array {
  const passes = radixPasses(keys, descending)
  for (;;) {
    const { done, value } = passes.next()
    if (done) return value
  }
}

/** `radixOrder`, which stops between its passes so that others have a turn. */
export function* radixPasses(keys: Float64Array, descending: boolean): Generator<void, Int32Array> {
  const words = sortableBits(keys, descending)
  yield
  let order = new Int32Array(keys.length)
  for (let i = 0; i < order.length; i++) order[i] = i
  let other = new Int32Array(keys.length)
  const starts = new Int32Array(DIGITS)
  for (const word of words) {
    for (let shift = 0; shift < WORD_BITS; shift += DIGIT_BITS) {
      if (!countDigits(word, shift, starts)) continue
      scatter(word, shift, starts, order, other)
      ;[order, other] = [other, order]
      yield
    }
  }
  return order
}

/** The low and the high halves of numbers without a sign that are ordered as the keys are. */
function sortableBits(keys: Float64Array, descending: boolean): [low: Uint32Array, high: Uint32Array] {
  const low = new Uint32Array(keys.length)
  const high = new Uint32Array(keys.length)
  const number = new Float64Array(1)
  const bits = new Uint32Array(number.buffer)
  const [lowAt, highAt] = wordsOf(bits, number)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    if (Number.isNaN(key)) {
      low[i] = MISSING
      high[i] = MISSING
      continue
    }
    // Nought has two signs, of which this keeps one.
    number[0] = (descending ? -key : key) + 0
    const upper = bits[highAt]!
    // Below nought, more bits are less; above it the sign bit makes them more than all of those.
    const negative = upper >>> 31 === 1
    low[i] = negative ? ~bits[lowAt]! : bits[lowAt]!
    high[i] = negative ? ~upper : upper | 0x8000_0000
  }
  return [low, high]
}

/** Which half of a number stands first is the processor's own choice. */
function wordsOf(bits: Uint32Array, number: Float64Array): [low: number, high: number] {
  number[0] = 1
  return bits[0] === 0 ? [0, 1] : [1, 0]
}

/** Where each digit's keys start. False where all keys have the same digit: then there is nothing to order. */
function countDigits(word: Uint32Array, shift: number, starts: Int32Array): boolean {
  starts.fill(0)
  for (let i = 0; i < word.length; i++) starts[(word[i]! >>> shift) & (DIGITS - 1)]!++
  let before = 0
  for (let digit = 0; digit < DIGITS; digit++) {
    const count = starts[digit]!
    if (count === word.length) return false
    starts[digit] = before
    before += count
  }
  return true
}

function scatter(word: Uint32Array, shift: number, starts: Int32Array, from: Int32Array, to: Int32Array): void {
  for (let i = 0; i < from.length; i++) {
    const place = from[i]!
    to[starts[(word[place]! >>> shift) & (DIGITS - 1)]!++] = place
  }
}
