/** Bytes that are no text in UTF-8, in words for an error. */
export interface ForeignText {
  /** A sentence about "the file", without a full stop. */
  readonly message: string
  /** 1-based line of the first byte that cannot be. */
  readonly line: number
  readonly fix: string
}

/** By the marks that Unicode gives the beginning of a file; the longer ones first, since UTF-32's starts with UTF-16's. */
const MARKS: readonly (readonly [encoding: string, mark: readonly number[]])[] = [
  ['UTF-32', [0xff, 0xfe, 0x00, 0x00]],
  ['UTF-32', [0x00, 0x00, 0xfe, 0xff]],
  ['UTF-16', [0xff, 0xfe]],
  ['UTF-16', [0xfe, 0xff]],
]

const SAVE_AS_UTF8 =
  'Save it as UTF-8: "CSV UTF-8" in a spreadsheet, encoding="utf-8" in Python, iconv -f UTF-16 -t UTF-8 in a shell.'

/** Of all NULs, the share that stands on one side. */
const MOSTLY = 0.8
/** Of all bytes, the share of NULs that text in another script still has, by its blanks, digits and punctuation. */
const FEWEST = 1 / 8

/**
 * What is wrong with a file that should be text in UTF-8 and has another encoding, or null. UTF-16 decodes as UTF-8 where
 * its letters are Latin, with a NUL between any two: such a file would be told row by row as broken, or taken as it is.
 *
 * @param bytes its beginning, or all of it
 */
export function otherEncoding(bytes: Uint8Array): ForeignText | null {
  const mark = MARKS.find(([, known]) => known.every((byte, i) => bytes[i] === byte))
  if (mark) return { message: `The file is ${mark[0]}, not UTF-8`, line: 1, fix: SAVE_AS_UTF8 }
  if (!isUtf16(bytes)) return null
  return { message: 'The file is UTF-16 (without a byte order mark), not UTF-8', line: 1, fix: SAVE_AS_UTF8 }
}

/** As {@link otherEncoding}, or a NUL: what a file has that is no text at all, or was damaged. */
export function foreignText(bytes: Uint8Array): ForeignText | null {
  const nul = bytes.indexOf(0)
  return otherEncoding(bytes) ?? (nul < 0 ? null : nulAt(lineOf(bytes, nul)))
}

/** No text in UTF-8 has a NUL. @param line 1-based */
export function nulAt(line: number): ForeignText {
  return {
    message: 'The file holds a NUL byte, which no text does',
    line,
    fix: 'Check that it is the file you mean; a text with NULs was damaged, or is in another encoding than UTF-8.',
  }
}

/** Latin letters have their NUL always before them, or always behind. */
function isUtf16(bytes: Uint8Array): boolean {
  let even = 0
  let odd = 0
  bytes.forEach((byte, i) => {
    if (byte !== 0) return
    if (i % 2 === 0) even++
    else odd++
  })
  const most = Math.max(even, odd)
  return most > 0 && most >= MOSTLY * (even + odd) && most >= FEWEST * bytes.length
}

function lineOf(bytes: Uint8Array, at: number): number {
  let line = 1
  for (let i = 0; i < at; i++) if (bytes[i] === 0x0a) line++
  return line
}
