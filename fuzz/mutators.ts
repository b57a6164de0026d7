import type { RandomStream } from '../src/engine/loop/random'

/** Changes a file's bytes. `others` are further seeds of the same reader, to splice from. */
export type Mutator = (bytes: Buffer, stream: RandomStream, others: readonly Buffer[]) => Buffer

const at = (stream: RandomStream, length: number): number => stream.below(Math.max(1, length))

function range(stream: RandomStream, length: number, most: number): [from: number, to: number] {
  const from = at(stream, length)
  return [from, Math.min(length, from + 1 + at(stream, most))]
}

/** Bytes on which parsers turn. */
const MEANINGFUL = Buffer.from(
  '{}[]",:\\\n\r\t \0-+.eE019ntf\'#&*!|>%@`<\x1b\x7f\x80\xbf\xc3\xe2\xef\xf0\xff',
  'latin1',
)

/** What stands for a value of JSON, YAML or CSV, and for numbers that something is sized by. */
const TOKENS = [
  'null',
  'true',
  '-1',
  '0',
  '1e999',
  '-1e-999',
  'NaN',
  '9007199254740993',
  '18446744073709551616',
  '99999999999999999999999999999999',
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\\x"',
  '{}',
  '[]',
  '[[[[]]]]',
  '{"__proto__":{"a":1}}',
  '"__proto__"',
  '../../../../etc/passwd',
  '!!js/function x',
  '&a [*a,*a]',
  '"""',
  '\ufeff',
  '\u2028',
  '😀',
]

const set = (bytes: Buffer, index: number, value: number): Buffer => {
  const out = Buffer.from(bytes)
  if (index < out.length) out[index] = value
  return out
}

const insert = (bytes: Buffer, index: number, more: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, index), more, bytes.subarray(index)])

const cut = (bytes: Buffer, from: number, to: number): Buffer =>
  Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])

export const MUTATORS: Readonly<Record<string, Mutator>> = {
  truncate: (bytes, stream) => bytes.subarray(0, at(stream, bytes.length)),
  behead: (bytes, stream) => bytes.subarray(at(stream, Math.min(64, bytes.length))),
  flip: (bytes, stream) => {
    const index = at(stream, bytes.length)
    return set(bytes, index, (bytes[index] ?? 0) ^ (1 << stream.below(8)))
  },
  byte: (bytes, stream) => set(bytes, at(stream, bytes.length), stream.below(256)),
  meaning: (bytes, stream) => set(bytes, at(stream, bytes.length), MEANINGFUL[at(stream, MEANINGFUL.length)]!),
  extreme: (bytes, stream) => {
    const out = Buffer.from(bytes)
    const index = at(stream, bytes.length)
    const [value, length] = [[0x00, 0xff, 0x7f, 0x80][stream.below(4)]!, [1, 2, 4, 8][stream.below(4)]!]
    out.fill(value, Math.min(index, out.length), Math.min(index + length, out.length))
    return out
  },
  remove: (bytes, stream) => cut(bytes, ...range(stream, bytes.length, 64)),
  repeat: (bytes, stream) => {
    const [from, to] = range(stream, bytes.length, 256)
    return insert(bytes, to, bytes.subarray(from, to))
  },
  swap: (bytes, stream) => {
    const [from, to] = range(stream, bytes.length, 64)
    const rest = cut(bytes, from, to)
    return insert(rest, at(stream, rest.length), bytes.subarray(from, to))
  },
  splice: (bytes, stream, others) => {
    const other = others[at(stream, others.length)] ?? bytes
    const [from, to] = range(stream, other.length, 512)
    return insert(bytes, at(stream, bytes.length), other.subarray(from, to))
  },
  crossover: (bytes, stream, others) => {
    const other = others[at(stream, others.length)] ?? bytes
    return Buffer.concat([bytes.subarray(0, at(stream, bytes.length)), other.subarray(at(stream, other.length))])
  },
  token: (bytes, stream) => insert(bytes, at(stream, bytes.length), Buffer.from(TOKENS[at(stream, TOKENS.length)]!)),
  /** A number or a word of the text becomes another value. */
  value: (bytes, stream) => {
    const text = bytes.toString('latin1')
    const words = [...text.matchAll(/-?\d+(\.\d+)?|"[^"\n]*"|\b\w+\b/g)]
    const word = words[at(stream, words.length)]
    if (!word) return bytes
    const token = Buffer.from(TOKENS[at(stream, TOKENS.length)]!).toString('latin1')
    return Buffer.from(text.slice(0, word.index) + token + text.slice(word.index + word[0].length), 'latin1')
  },
  line: (bytes, stream) => {
    const lines = bytes.toString('latin1').split('\n')
    const [from, to] = [at(stream, lines.length), at(stream, lines.length)]
    if (stream.below(2) === 0) lines.splice(to, 0, lines[from]!)
    else lines.splice(from, 1)
    return Buffer.from(lines.join('\n'), 'latin1')
  },
  mark: (bytes) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]),
  crlf: (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
  cr: (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r'), 'latin1'),
  utf16: (bytes) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(bytes.toString('latin1'), 'utf16le')]),
  /** The end of the file in another encoding than its beginning. */
  mixed: (bytes, stream) => {
    const index = at(stream, bytes.length)
    const rest = bytes.subarray(index).toString('latin1')
    return Buffer.concat([
      bytes.subarray(0, index),
      Buffer.from(`${rest}é`, stream.below(2) === 0 ? 'latin1' : 'utf16le'),
    ])
  },
  zeros: (bytes, stream) => insert(bytes, at(stream, bytes.length), Buffer.alloc(1 + at(stream, 4096))),
  noise: (bytes, stream) =>
    insert(
      bytes,
      at(stream, bytes.length),
      Buffer.from(Array.from({ length: 1 + at(stream, 64) }, () => stream.below(256))),
    ),
  long: (bytes, stream) =>
    insert(bytes, at(stream, bytes.length), Buffer.alloc(10_000 + at(stream, 200_000), 'x y"'[stream.below(4)])),
  deep: (bytes, stream) => {
    const depth = 1_000 + at(stream, 60_000)
    const [open, close] = stream.below(2) === 0 ? ['[', ']'] : ['{"a":', '}']
    const nest = `${open.repeat(depth)}1${stream.below(2) === 0 ? close.repeat(depth) : ''}`
    return insert(bytes, at(stream, bytes.length), Buffer.from(nest))
  },
  many: (bytes, stream) => Buffer.concat(Array.from({ length: 2 + stream.below(20) }, () => bytes)),
  empty: () => Buffer.alloc(0),
}

const NAMES = Object.keys(MUTATORS)
/** Large results once in a while only: they cost a hundred times a small one. */
const COSTLY = new Set(['long', 'deep', 'many', 'zeros', 'empty'])

/** One to four mutations of a seed. */
export function mutate(seeds: readonly Buffer[], stream: RandomStream): { bytes: Buffer; trail: string[] } {
  let bytes = seeds[at(stream, seeds.length)]!
  const trail: string[] = []
  const times = 1 + stream.below(4)
  while (trail.length < times) {
    const name = NAMES[stream.below(NAMES.length)]!
    if (COSTLY.has(name) && stream.below(4) > 0) continue
    bytes = MUTATORS[name]!(bytes, stream, seeds)
    trail.push(name)
  }
  return { bytes, trail }
}
