import { describe, expect, test } from 'vitest'
import { foreignText, otherEncoding } from './textEncoding'

const little = (text: string): Uint8Array =>
  Uint8Array.from([...text].flatMap((letter) => [letter.charCodeAt(0) & 0xff, letter.charCodeAt(0) >> 8]))
const big = (text: string): Uint8Array =>
  Uint8Array.from([...text].flatMap((letter) => [letter.charCodeAt(0) >> 8, letter.charCodeAt(0) & 0xff]))
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('another encoding', () => {
  test.for<[string, Uint8Array, string | undefined]>([
    ['UTF-16 with its mark, little endian, is read', little('\ufeff{"u_id": 1}'), 'The file is UTF-16, not UTF-8'],
    ['UTF-16 with its mark, big endian, is read', big('\ufeff{"u_id": 1}'), 'The file is UTF-16, not UTF-8'],
    [
      'UTF-16 without a mark is read',
      little('u_id,prompt\n1,a'),
      'The file is UTF-16 (without a byte order mark), not UTF-8',
    ],
    [
      'UTF-16 without a mark, big endian, is read',
      big('a: 1'),
      'The file is UTF-16 (without a byte order mark), not UTF-8',
    ],
    [
      'UTF-16 of Greek with Latin keys is read',
      little('{"prompt": "καλημέρα κόσμε"}'),
      'The file is UTF-16 (without a byte order mark), not UTF-8',
    ],
    ['UTF-32 is taken for UTF-16', Uint8Array.of(0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0), 'The file is UTF-32, not UTF-8'],
    ['UTF-8 with its mark is refused', utf8('\ufeffu_id\n1\n'), undefined],
    ['Greek in UTF-8 is refused', utf8('καλημέρα'), undefined],
    ['nothing is refused', new Uint8Array(0), undefined],
    ['one NUL is taken for UTF-16', utf8(`${'text '.repeat(9)}\0${'text '.repeat(9)}`), undefined],
    ['a block of NULs, as a crash leaves it, is taken for UTF-16', new Uint8Array(4096), undefined],
  ])('%s', ([, bytes, message]) => expect(otherEncoding(bytes)?.message).toBe(message))
})

test('a NUL in a text is passed over, or its line is not told', () => {
  expect(foreignText(utf8('one\ntwo\nth\0ree\n'))).toMatchObject({ line: 3, message: expect.stringContaining('NUL') })
  expect(foreignText(utf8('one\ntwo\n'))).toBeNull()
})
