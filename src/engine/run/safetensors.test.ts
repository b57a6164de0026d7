import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../shared/errors'
import type { NamedArray } from '../backends/execution'
import { decodeSafetensors, encodeSafetensors } from './safetensors'

const array = (name: string, shape: number[], values: number[]): NamedArray => ({
  name,
  shape,
  values: Float32Array.from(values),
})

const sample = [
  array('W_d.weight', [2, 3], [1, -2, 3.5, NaN, Infinity, 1e-40]),
  array('b', [], [7]),
  array('none', [0, 4], []),
]

function file(header: unknown, data = new Uint8Array(0), length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const out = new Uint8Array(8 + json.length + data.length)
  new DataView(out.buffer).setBigUint64(0, length ?? BigInt(json.length), true)
  out.set(json, 8)
  out.set(data, 8 + json.length)
  return out
}

test('the file differs from the format: header length, padding, offsets', () => {
  const bytes = encodeSafetensors([array('a', [2], [1, 2]), array('b', [1], [3])])
  const view = new DataView(bytes.buffer)
  const length = Number(view.getBigUint64(0, true))
  expect(length % 8).toBe(0)
  expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))).toEqual({
    a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
    b: { dtype: 'F32', shape: [1], data_offsets: [8, 12] },
  })
  expect(bytes.length).toBe(8 + length + 12)
  expect([8, 12, 16].map((at) => view.getFloat32(length + at, true))).toEqual([1, 2, 3])
})

test('a tensor loses its name, shape or bits on the way through a file', () => {
  const read = decodeSafetensors(encodeSafetensors(sample), 'f')
  expect(read.map(({ name, shape }) => [name, shape])).toEqual(sample.map(({ name, shape }) => [name, shape]))
  read.forEach(({ values }, i) =>
    expect(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)).toEqual(
      new Uint8Array(sample[i]!.values.buffer),
    ),
  )
})

test('a view into a larger buffer is written from its start', () => {
  const values = Float32Array.of(9, 1, 2, 9).subarray(1, 3)
  expect([...decodeSafetensors(encodeSafetensors([{ name: 'a', shape: [2], values }]), 'f')[0]!.values]).toEqual([1, 2])
})

test('a tensor named __proto__ vanishes', () => {
  expect(decodeSafetensors(encodeSafetensors([array('__proto__', [1], [5])]), 'f')).toMatchObject([
    { name: '__proto__' },
  ])
})

const entry = (from: number, to: number, shape: unknown = [(to - from) / 4], dtype = 'F32'): object => ({
  dtype,
  shape,
  data_offsets: [from, to],
})
const data = new Uint8Array(16)

test.for<[string, Uint8Array]>([
  ['an empty file', new Uint8Array(0)],
  ['a file without a header', Uint8Array.of(1, 2, 3)],
  ['a header longer than the file', file('{}', data, 1000n)],
  ['a header of 2^63 bytes', file('{}', data, 2n ** 63n)],
  ['a header that is not JSON', file('{,}')],
  ['a header that is not UTF-8', file('{}').map((byte, i) => (i >= 8 ? 0xff : byte))],
  ['a header that is a list', file('[]')],
  ['a header that is null', file('null')],
  ['an entry that is null', file({ a: null })],
  ['another type', file({ a: entry(0, 16, [4], 'F64') }, data)],
  ['a negative offset', file({ a: entry(-4, 12) }, data)],
  ['a fractional shape', file({ a: entry(0, 16, [2.5]) }, data)],
  ['a shape that overflows', file({ a: entry(0, 16, [1e200, 1e200]) }, data)],
  ['a shape that is no list', file({ a: entry(0, 16, '4') }, data)],
  ['values that run past the end', file({ a: entry(0, 32) }, data)],
  ['offsets that run backwards', file({ a: entry(16, 0, []) }, data)],
  ['overlapping values', file({ a: entry(0, 16), b: entry(0, 16) }, data)],
  ['a hole', file({ a: entry(0, 4), b: entry(8, 16) }, data)],
  ['bytes that belong to nothing', file({ a: entry(0, 12) }, data)],
])('%s is taken for a checkpoint, or crashes the reader', ([, bytes]) => {
  expect(() => decodeSafetensors(bytes, 'x.safetensors')).toThrow(AppError)
  expect(() => decodeSafetensors(bytes, 'x.safetensors')).toThrow(/^x\.safetensors is no readable checkpoint: /)
})

test('metadata of other writers is refused', () => {
  expect(decodeSafetensors(file({ __metadata__: { format: 'pt' }, a: entry(0, 16) }, data), 'f')).toHaveLength(1)
})

describe('damaged files', () => {
  const whole = encodeSafetensors(sample)

  test('a cut file is read', () => {
    for (let length = 0; length < whole.length; length++)
      expect(() => decodeSafetensors(whole.subarray(0, length), 'f')).toThrow(AppError)
  })

  test('changed bytes crash the reader or make it return more than the file holds', () => {
    const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = whole.slice()
        for (const [at, value] of changes) bytes[at] = value
        try {
          const total = decodeSafetensors(bytes, 'f').reduce((sum, { values }) => sum + values.byteLength, 0)
          expect(total).toBeLessThanOrEqual(bytes.length)
        } catch (error) {
          if (!(error instanceof AppError)) throw error
          expect(error.code).toBe('unreadable')
        }
      }),
      { numRuns: 3000 },
    )
  })
})
