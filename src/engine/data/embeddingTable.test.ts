import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pythonWith, runPython } from '../testing/python'
import type { EmbeddingTable } from './dataset'
import { temporaryFolder } from './dataFixture'
import { allocateTable, decodeHalves, encodeHalves, packedFloats, readRow, rowOf } from './embeddingTable'
import { readNpy } from './npy'

const EVERY_HALF = Uint16Array.from({ length: 65536 }, (_, bits) => bits)
const HALF_VALUES = decodeHalves(EVERY_HALF, new Float32Array(65536))
const FINITE = [...EVERY_HALF].filter((bits) => (bits & 0x7c00) !== 0x7c00)

/** The nearest half by the definition: the nearest of all of them, the one with an even last bit where two are. */
function nearestHalf(value: number): number {
  let best = 0
  let distance = Infinity
  for (const bits of FINITE) {
    const d = Math.abs(HALF_VALUES[bits]! - value)
    if (d < distance || (d === distance && bits % 2 === 0 && best % 2 === 1)) [best, distance] = [bits, d]
  }
  return best
}

describe('encodeHalves', () => {
  it('gives every half back that decodeHalves has widened', () => {
    for (const values of [HALF_VALUES, Float64Array.from(HALF_VALUES)]) {
      const back = encodeHalves(values, new Uint16Array(65536))
      for (const bits of FINITE) if (back[bits] !== bits) expect.fail(`half ${bits} became ${back[bits]}`)
      expect([back[0x7c00], back[0xfc00]]).toEqual([0x7c00, 0xfc00])
      for (const bits of [0x7c01, 0xfe00, 0xffff]) expect(HALF_VALUES[back[bits]!]).toBeNaN()
    }
  })

  it('rounds a tie to even, and what lies just beside it to its own side, even by less than float32 can tell', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [HALF_VALUES[bits]!, HALF_VALUES[bits + 1]!]
      const tie = (low + high) / 2
      const near = new Float64Array([tie, tie * (1 - 2 ** -50), tie * (1 + 2 ** -50), -tie])
      const even = bits % 2 === 0 ? bits : bits + 1
      const expected = [even, bits, bits + 1, even | 0x8000]
      const found = [...encodeHalves(near, new Uint16Array(4))]
      if (found.join() !== expected.join()) expect.fail(`around ${tie}: ${found.join()}, not ${expected.join()}`)
      // Between halves a tie has twelve bits, so that float32 holds it as well.
      const single = [...encodeHalves(new Float32Array([tie, -tie]), new Uint16Array(2))]
      if (single.join() !== `${even},${even | 0x8000}`) expect.fail(`around ${tie} in float32: ${single.join()}`)
    }
  })

  it('finds the nearest half of any number', () => {
    fc.assert(
      fc.property(fc.double({ min: -65519, max: 65519, noNaN: true }), fc.integer({ min: -30, max: 0 }), (x, power) => {
        for (const values of [new Float64Array([x * 2 ** power]), new Float32Array([x * 2 ** power])]) {
          const found = encodeHalves(values, new Uint16Array(1))[0]!
          // Adding zero makes −0 a zero: signs are another test's.
          expect(HALF_VALUES[found]! + 0).toBe(HALF_VALUES[nearestHalf(values[0]!)]! + 0)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('keeps the sign of what rounds to zero, and makes infinite what lies beyond the range', () => {
    const values = [0, -0, 1e-8, -1e-8, 1e-310, -1e-310, 2 ** -25, 65504, 65519.996, 65520, -65520, 1e30, -1e300]
    const found = [...encodeHalves(new Float64Array(values), new Uint16Array(values.length))]
    const [zero, minus, inf, minusInf] = [0, 0x8000, 0x7c00, 0xfc00]
    expect(found).toEqual([zero, minus, zero, minus, zero, minus, zero, 0x7bff, 0x7bff, inf, minusInf, inf, minusInf])
  })
})

describe('rows of a table', () => {
  const width = 3
  const numbers = [1, -2, 0.5, 4, 5, -6]
  const float32: EmbeddingTable = {
    file: 'a.npy',
    rows: 2,
    width,
    stride: 4,
    dtype: 'float32',
    values: new Float32Array([1, -2, 0.5, 0, 4, 5, -6, 0]),
  }
  const float16: EmbeddingTable = {
    ...float32,
    dtype: 'float16',
    values: encodeHalves(float32.values, new Uint16Array(8)),
  }

  it('are found at their stride and decoded', () => {
    for (const table of [float32, float16]) {
      expect(rowOf(table, 1)).toHaveLength(width)
      expect([...readRow(table, 1, new Float32Array(width))]).toEqual([4, 5, -6])
      expect([...packedFloats(table)]).toEqual(numbers)
    }
  })

  it('are not copied where they lie packed in float32 already', () => {
    const table: EmbeddingTable = { ...float32, stride: width, dtype: 'float32', values: Float32Array.from(numbers) }
    expect(packedFloats(table).buffer).toBe(table.values.buffer)
    const halves: EmbeddingTable = {
      ...table,
      dtype: 'float16',
      values: encodeHalves(table.values, new Uint16Array(6)),
    }
    expect([...packedFloats(halves)]).toEqual(numbers)
  })

  it('are allocated in memory that a worker can see', () => {
    expect(allocateTable(2, 3, 'float16')).toMatchObject({ dtype: 'float16', stride: 3, values: { length: 6 } })
    expect(allocateTable(2, 3, 'float32').values.buffer).toBeInstanceOf(SharedArrayBuffer)
  })
})

const python = pythonWith('numpy')

describe.skipIf(!python)('against numpy (skipped where Python has none)', () => {
  it('rounds float32 and float64 files to the halves that numpy rounds them to, and reads its float16 files', async () => {
    const folder = temporaryFolder()
    const script = `
import json, sys, numpy as np
folder = sys.argv[1]
rng = np.random.default_rng(5)
x = rng.standard_normal((701, 333)) * 2.0 ** rng.integers(-30, 13, (701, 333))
x[0, :9] = [0, -0.0, 65504, 65519.996, 2**-24, 2**-25, np.nextafter(2**-25, 1), 5.96e-8, 1 + 2**-11 + 2**-40]
np.save(f'{folder}/double.npy', x)
np.save(f'{folder}/single.npy', x.astype('f4'))
np.save(f'{folder}/half.npy', x.astype('f2'))
for name, y in [('double', x.astype('f2')), ('single', x.astype('f4').astype('f2')), ('half', x.astype('f2'))]:
    y.tofile(f'{folder}/{name}.f2')
    y.astype('f4').tofile(f'{folder}/{name}.f4')
print(json.dumps(True))
`
    expect(runPython(python!, script, folder)).toBe(true)
    for (const name of ['double', 'single', 'half']) {
      const read = await readNpy(join(folder, `${name}.npy`), { tableDtype: 'float16' })
      expect(read.overflow.count + read.nonFinite.count).toBe(0)
      const bytes = new Uint8Array(read.values.buffer, read.values.byteOffset, read.values.byteLength)
      expect(Buffer.compare(bytes, readFileSync(join(folder, `${name}.f2`)))).toBe(0)
      const floats = packedFloats({ file: name, ...read })
      const wide = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)
      expect(Buffer.compare(wide, readFileSync(join(folder, `${name}.f4`)))).toBe(0)
    }
  })
})
