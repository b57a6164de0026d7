import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInThisContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './dataFixture'
import type { EmbeddingTable } from './dataset'
import { decodeHalves, encodeHalves, packedFloats, type AllocateTable } from './embeddingTable'
import { readNpy, scanNpy, writeNpy } from './npy'

/** A .npy file written byte by byte, independently of `writeNpy`. */
function npy(header: string, data: Uint8Array, version = 1): Buffer {
  const lengthBytes = version === 1 ? 2 : 4
  const padded = `${header.padEnd(Math.ceil((6 + 2 + lengthBytes + header.length + 1) / 64) * 64 - 9 - lengthBytes)}\n`
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntLE(padded.length, 0, lengthBytes)
  return Buffer.concat([
    Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]),
    length,
    Buffer.from(padded, 'latin1'),
    data,
  ])
}

function header(descr: string, shape: string, fortran = 'False'): string {
  return `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }`
}

function fileOf(bytes: Uint8Array): string {
  const path = join(temporaryFolder(), 'emb.npy')
  writeFileSync(path, bytes)
  return path
}

function bytesOf(values: Float32Array | Float64Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** IEEE 754 binary16 by its definition. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Halves at an address that is no multiple of four. */
const oddMemory: AllocateTable = (rows, width) => ({
  dtype: 'float16',
  values: new Uint16Array(rows * width + 1).subarray(1),
  stride: width,
})

/** What the compiler is not told of: TypeScript knows WebAssembly only as a part of the DOM. */
function sharedWasmMemory(pages: number): SharedArrayBuffer {
  return runInThisContext(`new WebAssembly.Memory({ initial: ${pages}, maximum: ${pages}, shared: true }).buffer`)
}

const matrix = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([rows, width]) =>
    fc
      .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: rows * width, maxLength: rows * width })
      .map((values) => ({ rows, width, values: Float32Array.from(values) })),
  )

describe('readNpy', () => {
  it('reads back what writeNpy wrote', async () => {
    const path = join(temporaryFolder(), 'emb.npy')
    await fc.assert(
      fc.asyncProperty(matrix, async ({ rows, width, values }) => {
        await writeNpy(path, values, [rows, width])
        const read = await readNpy(path)
        expect(read).toMatchObject({ rows, width, nonFinite: { count: 0, firstRow: -1 } })
        expect(bytesOf(read.values)).toEqual(bytesOf(values))
      }),
      { numRuns: 40 },
    )
  })

  it('reads float64 as the nearest float32, in all header versions', async () => {
    const path = join(temporaryFolder(), 'emb.npy')
    await fc.assert(
      fc.asyncProperty(matrix, fc.constantFrom(1, 2, 3), async ({ rows, width, values }, version) => {
        const doubles = Float64Array.from(values, (value) => value / 3)
        writeFileSync(path, npy(header("'<f8'", `(${rows}, ${width})`), bytesOf(doubles), version))
        expect([...(await readNpy(path)).values]).toEqual([...doubles].map(Math.fround))
      }),
      { numRuns: 40 },
    )
  })

  it('reads every one of the 65,536 halves by the definition of the format', async () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i)
    const { values } = await readNpy(fileOf(npy(header("'<f2'", '(256, 256)'), bytesOf(halves))))
    for (let i = 0; i < 65536; i++) if (!Object.is(values[i], halfValue(i))) expect.fail(`half ${i}: ${values[i]}`)
  })

  it('joins the pieces of a file that takes many reads, in every type', async () => {
    const rows = 700
    const width = 1024
    const expected = Float32Array.from({ length: rows * width }, (_, i) => (i % 2048) - 1024)
    const singles = await readNpy(fileOf(npy(header("'<f4'", `(${rows}, ${width})`), bytesOf(expected))))
    const doubles = bytesOf(Float64Array.from(expected))
    const converted = await readNpy(fileOf(npy(header("'<f8'", `(${rows}, ${width})`), doubles)))
    expect(Buffer.compare(bytesOf(singles.values), bytesOf(expected))).toBe(0)
    expect(Buffer.compare(bytesOf(converted.values), bytesOf(expected))).toBe(0)
  })

  it('writes what numpy reads: version 1, data aligned to 64 bytes, a trailing comma in one dimension', async () => {
    const path = join(temporaryFolder(), 'v.npy')
    await writeNpy(path, new Float32Array([1, 2, 3]), [3])
    const bytes = readFileSync(path)
    expect(bytes.length).toBe(128 + 12)
    expect(bytes.toString('latin1', 10, 128)).toMatch(
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(3,\), \} *\n$/,
    )
  })

  it('reads into memory that it is given', async () => {
    const memory = new Float32Array(10)
    const path = fileOf(npy(header("'<f4'", '(1, 2)'), bytesOf(new Float32Array([5, 6]))))
    await readNpy(path, {
      allocate: (rows, width) => ({ dtype: 'float32', values: memory.subarray(3, 3 + rows * width), stride: width }),
    })
    expect([...memory.slice(2, 6)]).toEqual([0, 5, 6, 0])
  })

  it('counts rows, not values, with NaN or infinite numbers', async () => {
    const values = new Float32Array([0, 1, NaN, Infinity, 2, 3, -Infinity, 4])
    const path = fileOf(npy(header("'<f4'", '(4, 2)'), bytesOf(values)))
    expect((await readNpy(path)).nonFinite).toEqual({ count: 2, firstRow: 1 })
    expect(await scanNpy(path)).toMatchObject({ rows: 4, width: 2, nonFinite: { count: 2, firstRow: 1 } })
  })

  it('finds the one bad value wherever it stands: in any lane, block, piece, and at odd addresses', async () => {
    const [rows, width] = [41, 13_001]
    for (const [descr, clean] of [
      ["'<f4'", new Float32Array(rows * width).fill(-3.4028234663852886e38)],
      ["'<f2'", new Uint16Array(rows * width).fill(0xfbff)],
    ] as const)
      for (const place of [0, 1, 7, 8, 2047, 2048, 4095, 4096, 262_143, 262_144, 524_288, rows * width - 1]) {
        const values = clean.slice()
        values[place] = values instanceof Float32Array ? Infinity : 0x7c01
        const path = fileOf(npy(header(descr, `(${rows}, ${width})`), bytesOf(values)))
        const found = { count: 1, firstRow: Math.floor(place / width) }
        expect((await scanNpy(path)).nonFinite).toEqual(found)
        expect((await readNpy(path)).nonFinite).toEqual(found)
        expect((await readNpy(path, { tableDtype: 'float16', allocate: oddMemory })).nonFinite).toEqual(found)
      }
  })

  const four = bytesOf(new Float32Array(4))
  it.each([
    ['a truncated file', npy(header("'<f4'", '(2, 3)'), four), /truncated.*needs 152 bytes.*144/],
    ['a file cut inside its header', npy(header("'<f4'", '(2, 2)'), four).subarray(0, 40), /inside the .npy header/],
    ['an empty file', new Uint8Array(), /0 bytes/],
    ['trailing bytes', npy(header("'<f4'", '(2, 1)'), four), /goes on after its data/],
    ['another kind of file', Buffer.from('not a matrix at all'), /not a .npy file/],
    ['an unknown version', npy(header("'<f4'", '(2, 2)'), four, 4), /version 4/],
    ['a header that is no dictionary', npy('[1, 2]', four), /cannot be parsed/],
    ['a header without a shape', npy("{'descr': '<f4', 'fortran_order': False}", four), /cannot be parsed/],
    ['a negative shape', npy(header("'<f4'", '(-2, -2)'), four), /cannot be parsed/],
    ['Fortran order', npy(header("'<f4'", '(2, 2)', 'True'), four), /Fortran order/],
    ['big endian', npy(header("'>f4'", '(2, 2)'), four), /big-endian/],
    ['pickled objects', npy(header("'|O'", '(2, 2)'), four), /never loaded/],
    ['a structured type', npy(header("[('a', '<f4')]", '(2, 2)'), four), /structured/],
    ['integers', npy(header("'<i4'", '(2, 2)'), four), /"<i4"/],
    ['one dimension', npy(header("'<f4'", '(4,)'), four), /\(4\); embeddings have two/],
    ['three dimensions', npy(header("'<f4'", '(1, 2, 2)'), four), /two dimensions/],
    ['no rows', npy(header("'<f4'", '(0, 4)'), new Uint8Array()), /empty/],
    ['no width', npy(header("'<f4'", '(4, 0)'), new Uint8Array()), /empty/],
    ['a shape beyond all memory', npy(header("'<f4'", '(99999999999999999999, 4294967296)'), four), /truncated/],
    [
      'a shape whose product overflows to the right size',
      npy(header("'<f4'", '(4294967296, 4294967296)'), four),
      /truncated/,
    ],
  ])('refuses %s', async (_what, bytes, message) => {
    const path = fileOf(bytes)
    await expect(readNpy(path)).rejects.toMatchObject({ code: 'data_invalid', message, details: { file: path } })
  })

  it('says that there is no memory instead of crashing', async () => {
    const path = fileOf(npy(header("'<f4'", '(2, 2)'), four))
    const allocate = (): never => {
      throw new RangeError('Array buffer allocation failed')
    }
    await expect(readNpy(path, { allocate })).rejects.toMatchObject({ code: 'out_of_range', message: /2 × 2/ })
  })

  it('tells the rows that float16 cannot hold from those that hold no number at all', async () => {
    // 65519.99 is the last that rounds down to the largest half, 65504; 65520 would be infinite.
    for (const Floats of [Float32Array, Float64Array]) {
      const values = new Floats([1, 2, 65519.99, -65519.99, 3, -65520, NaN, 1e30, Infinity, 0])
      const descr = Floats === Float32Array ? "'<f4'" : "'<f8'"
      const path = fileOf(npy(header(descr, '(5, 2)'), bytesOf(values)))
      const { nonFinite, overflow } = await readNpy(path, { tableDtype: 'float16' })
      expect(nonFinite).toEqual({ count: 2, firstRow: 3 })
      expect(overflow).toEqual({ count: 2, firstRow: 2 })
      expect((await readNpy(path)).overflow).toEqual({ count: 0, firstRow: -1 })
    }
  })

  it('counts a file of nothing but NaN in time that is linear in its size', async () => {
    const [rows, width] = [4, 300_000]
    const path = fileOf(npy(header("'<f4'", `(${rows}, ${width})`), bytesOf(new Float32Array(rows * width).fill(NaN))))
    const { nonFinite, overflow } = await readNpy(path, { tableDtype: 'float16' })
    expect([nonFinite.count, overflow.count]).toEqual([rows, 0])
  })

  it.each([
    [1, 16],
    [3, 16],
    [16, 16],
    [50, 64],
    [333, 336],
    [300_001, 300_016],
  ])(
    'lays rows of %i numbers out at a stride of %i in shared memory, padding cleared, from every type',
    async (width, stride) => {
      const rows = Math.ceil(600_000 / width)
      const numbers = Float32Array.from({ length: rows * width }, (_, i) => ((i * 7919) % 4001) - 2000)
      const halves = encodeHalves(numbers, new Uint16Array(numbers.length))
      const expected = decodeHalves(halves, new Float32Array(halves.length))
      for (const [descr, content] of [
        ["'<f2'", halves],
        ["'<f4'", expected],
        ["'<f8'", Float64Array.from(expected)],
      ] as const) {
        const path = fileOf(npy(header(descr, `(${rows}, ${width})`), bytesOf(content)))
        for (const tableDtype of ['float32', 'float16'] as const) {
          const pages = Math.ceil((rows * stride * 4 + 64) / 65536)
          const buffer = sharedWasmMemory(pages)
          new Uint8Array(buffer).fill(0xff)
          const read = await readNpy(path, {
            tableDtype,
            allocate: (r, _w, dtype) =>
              dtype === 'float16'
                ? { dtype, stride, values: new Uint16Array(buffer, 64, r * stride) }
                : { dtype, stride, values: new Float32Array(buffer, 64, r * stride) },
          })
          const table: EmbeddingTable = { file: path, ...read }
          expect(Buffer.compare(bytesOf(packedFloats(table)), bytesOf(expected))).toBe(0)
          for (const row of [0, 1, rows >> 1, rows - 1].filter((r) => r < rows)) {
            const padding = table.values.subarray(row * stride + width, (row + 1) * stride)
            expect(padding.every((each) => each === 0)).toBe(true)
          }
          expect(new Uint8Array(buffer, 0, 64).every((byte) => byte === 0xff)).toBe(true)
        }
      }
    },
  )

  it('refuses memory that is too small or of another type than asked for', async () => {
    const path = fileOf(npy(header("'<f4'", '(2, 2)'), four))
    for (const memory of [
      { dtype: 'float32', values: new Float32Array(3), stride: 2 },
      { dtype: 'float32', values: new Float32Array(4), stride: 1 },
      { dtype: 'float16', values: new Uint16Array(4), stride: 2 },
    ] as const)
      await expect(readNpy(path, { allocate: () => memory })).rejects.toMatchObject({ code: 'internal' })
  })

  it('reports a file that shrinks while it is read, in every way of reading', async () => {
    const path = fileOf(npy(header("'<f4'", '(1024, 1024)'), new Uint8Array(4 << 20)))
    for (const options of [{}, { tableDtype: 'float16' as const }]) {
      writeFileSync(path, npy(header("'<f4'", '(1024, 1024)'), new Uint8Array(4 << 20)))
      const onBytes = (): void => truncateSync(path, 1 << 20)
      await expect(readNpy(path, { ...options, onBytes })).rejects.toMatchObject({
        code: 'data_invalid',
        message: /ends at byte \d+, in the middle/,
      })
    }
  })

  it('stops when told to', async () => {
    const path = fileOf(npy(header("'<f4'", '(2, 2)'), four))
    await expect(readNpy(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'stopped' })
  })
})
