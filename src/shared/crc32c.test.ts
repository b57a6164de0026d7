import { expect, test } from 'vitest'
import { crc32c, maskedCrc32c } from './crc32c'

/** RFC 3720, B.4, and the check value of the CRC catalogue. */
test.for<[string, Uint8Array, number]>([
  ['"123456789"', new TextEncoder().encode('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 × 0xff', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0…31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31…0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
])('the checksum of %s differs from RFC 3720', ([, bytes, expected]) => {
  expect(crc32c(bytes)).toBe(expected)
})

test('the masked checksum is negative or unrotated', () => {
  // mask(c) = rotate right by 15, + 0xa282ead8 (tensorflow/core/lib/hash/crc32c.h)
  const crc = 0xe3069283n
  const expected = (((crc >> 15n) | ((crc << 17n) & 0xffffffffn)) + 0xa282ead8n) & 0xffffffffn
  expect(maskedCrc32c(new TextEncoder().encode('123456789'))).toBe(Number(expected))
})
