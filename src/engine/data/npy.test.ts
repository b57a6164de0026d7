import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './dataFixture'
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
    await readNpy(path, { allocate: (rows, width) => memory.subarray(3, 3 + rows * width) })
    expect([...memory.slice(2, 6)]).toEqual([0, 5, 6, 0])
  })

  it('counts rows, not values, with NaN or infinite numbers', async () => {
    const values = new Float32Array([0, 1, NaN, Infinity, 2, 3, -Infinity, 4])
    const path = fileOf(npy(header("'<f4'", '(4, 2)'), bytesOf(values)))
    expect((await readNpy(path)).nonFinite).toEqual({ count: 2, firstRow: 1 })
    expect(await scanNpy(path)).toEqual({ rows: 4, width: 2, nonFinite: { count: 2, firstRow: 1 } })
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
    const allocate = (): Float32Array => {
      throw new RangeError('Array buffer allocation failed')
    }
    await expect(readNpy(path, { allocate })).rejects.toMatchObject({ code: 'out_of_range', message: /2 × 2/ })
  })

  it('stops when told to', async () => {
    const path = fileOf(npy(header("'<f4'", '(2, 2)'), four))
    await expect(readNpy(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'stopped' })
  })
})
