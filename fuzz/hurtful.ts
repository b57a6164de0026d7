import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Something in a file's place that has hurt a reader of files somewhere. Made at a path that is free. */
export interface Hurtful {
  readonly name: string
  make(file: string): void
  /** Told by the file's place in the file system, so that no reader may read it, or may say anything but that. */
  readonly unreadable?: boolean
}

const written = (name: string, bytes: () => string | Uint8Array): Hurtful => ({
  name,
  make: (file) => writeFileSync(file, bytes()),
})

const LETTERS = 'u_id,prompt,chosen,rejected\n1,"Tea?","Green.","Black."\n'
const OBJECT = '{"u_id":1,"prompt":"Tea?","chosen":"Green.","rejected":"Black."}\n'
const utf16 = (text: string, mark: readonly number[]): Uint8Array =>
  Buffer.concat([Buffer.from(mark), Buffer.from(text, 'utf16le')])
const bigEndian = (text: string): Uint8Array => Buffer.from(utf16(`\ufeff${text}`, [])).swap16()
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `column_${i}`)
const nest = (open: string, close: string, depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`

/** More than any reader's longest line, kept as a hole: it takes no room on the disk. */
const HUGE_BYTES = 100 << 20
const COLUMNS = 10_000

export const HURTFUL: readonly Hurtful[] = [
  written('empty', () => ''),
  written('nothing but a byte order mark', () => '\ufeff'),
  written('nothing but line ends', () => '\r\n\r\n\n\n'),
  written('a byte order mark and CRLF, CSV', () => `\ufeff${LETTERS.replaceAll('\n', '\r\n')}`),
  written('a byte order mark and CRLF, JSON Lines', () => `\ufeff${OBJECT.replaceAll('\n', '\r\n')}`),
  written('a NUL in CSV', () => LETTERS.replace('Green', 'Gr\0en')),
  written('a NUL in JSON', () => OBJECT.replace('Green', 'Gr\0en')),
  written('nothing but NULs', () => Buffer.alloc(8192)),
  written('UTF-16 with its mark, CSV', () => utf16(LETTERS, [0xff, 0xfe])),
  written('UTF-16 with its mark, JSON', () => utf16(OBJECT, [0xff, 0xfe])),
  written('UTF-16, big endian', () => bigEndian(OBJECT)),
  written('UTF-16 without a mark', () => utf16(OBJECT, [])),
  written('UTF-32', () => Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0, 0x7d, 0, 0, 0])),
  written('Latin-1', () => Buffer.from(LETTERS.replace('Green', 'Caf\xe9'), 'latin1')),
  written('UTF-8 that ends in a character', () => Buffer.from(`${LETTERS}2,caf\xc3`, 'latin1')),
  written('a line of 65 MiB', () => `{"u_id":"${'x'.repeat(65 << 20)}"}`),
  written('10,000 columns, CSV', () => `${names(COLUMNS).join(',')}\n${names(COLUMNS).join(',')}\n`),
  written('10,000 columns, JSON', () => `${JSON.stringify(Object.fromEntries(names(COLUMNS).map((n) => [n, 1])))}\n`),
  written('a header that names a column twice', () => 'u_id,prompt,prompt,chosen,rejected\n1,a,b,c,d\n'),
  written('a key twice', () => '{"u_id":1,"u_id":2}\nu_id: 1\nu_id: 2\n'),
  written('brackets 100,000 deep', () => nest('[', ']', 100_000)),
  written('objects 100,000 deep', () => nest('{"a":', '}', 100_000)),
  written('a quote that is never closed', () => `u_id,prompt\n1,"${'x,\n'.repeat(50_000)}`),
  written('names that every object has', () => '{"__proto__":{"a":1},"constructor":2,"toString":3}\n'),
  written('an escape for half a character', () => `${OBJECT.replace('Green', String.raw`\ud800`)}`),
  written('200,000 short lines', () => '{}\n'.repeat(200_000)),
  written('YAML that doubles ten times', () =>
    [
      'a: &a [x,x]',
      ...Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [*${i ? `b${i - 1}` : 'a'},*${i ? `b${i - 1}` : 'a'}]`),
    ].join('\n'),
  ),
  written('a picture', () =>
    Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    ),
  ),
  { name: 'a hole of 100 MiB', make: (file) => (writeFileSync(file, ''), truncateSync(file, HUGE_BYTES)) },
  { name: 'a folder', make: (file) => void mkdirSync(file), unreadable: true },
  { name: 'nothing at all', make: () => {}, unreadable: true },
  { name: 'a pipe that nobody writes to', make: (file) => void execFileSync('mkfifo', [file]), unreadable: true },
  { name: 'a link to nothing', make: (file) => symlinkSync(`${file}.nowhere`, file), unreadable: true },
  { name: 'a link to itself', make: (file) => symlinkSync(path.basename(file), file), unreadable: true },
  { name: 'a link to a folder', make: (file) => symlinkSync(path.dirname(file), file), unreadable: true },
  { name: 'a link to a device without end', make: (file) => symlinkSync('/dev/zero', file), unreadable: true },
]

/** Puts it in the place of whatever is there. A file that `store` has from an earlier reader is linked: writing takes longer than reading. */
export function place(hurtful: Hurtful, file: string, store: string): void {
  rmSync(file, { recursive: true, force: true })
  if (hurtful.unreadable) return hurtful.make(file)
  const made = path.join(store, String(HURTFUL.indexOf(hurtful)))
  if (!existsSync(made)) hurtful.make(made)
  linkSync(made, file)
}
