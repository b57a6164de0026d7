import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Wire } from './wire'

const VARINT = (value: bigint): number[] => {
  const bytes: number[] = []
  let left = BigInt.asUintN(64, value)
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80)
  return [...bytes, Number(left)]
}

/** Fields of a message, as many as are read; a reader that goes in circles never ends, which the limit turns into a number. */
function fieldsOf(bytes: Uint8Array, limit = 10_000): number {
  const buffer = Buffer.from(bytes)
  const wire = new Wire(buffer, new DataView(buffer.buffer, buffer.byteOffset, buffer.length), 0, buffer.length)
  let fields = 0
  while (fields < limit && wire.next()) fields++
  return fields
}

test('a length below zero leads back, and the message is read without end', () => {
  const tag = (3 << 3) | 2
  for (const length of [-1n, -11n, -12n, -1000n, -(2n ** 63n)])
    expect(fieldsOf(Uint8Array.from([0x08, 1, tag, ...VARINT(length), 0x08, 1]))).toBe(1)
  expect(fieldsOf(Uint8Array.from([0x08, 1, tag, 1, 0, 0x08, 1]))).toBe(3)
})

test('some bytes are read more often than there are of them', () => {
  const lengths = fc.bigInt(-20n, 20n).map((length) => Uint8Array.from([0x1a, ...VARINT(length)]))
  const parts = fc.array(fc.oneof(lengths, fc.uint8Array({ maxLength: 6 })), { maxLength: 8 })
  fc.assert(
    fc.property(parts, (all) => {
      const bytes = Buffer.concat(all)
      expect(fieldsOf(bytes)).toBeLessThanOrEqual(bytes.length)
    }),
    { numRuns: 500 },
  )
})
