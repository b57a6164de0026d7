import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { textKey, VectorCache } from './vectorCache'
import { writeVectorFile } from './vectorFile'

const SCOPE = { provider: 'openai', model: 'm/x', identity: 'i' }
const WIDTH = 3
const RECORD = 40 + 4 * WIDTH

function folder(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-vectors-'))
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

const vector = (n: number): Float32Array => Float32Array.of(n, -n / 3, 1 / (n + 1))

function filled(dir: string, count: number): VectorCache {
  const cache = VectorCache.open(dir, SCOPE)
  const numbers = Array.from({ length: count }, (_, n) => n)
  cache.append(
    numbers.map((n) => textKey(`text ${n}`)),
    numbers.map(vector),
  )
  cache.close()
  return cache
}

function contents(dir: string): Map<string, number[]> {
  const found = new Map<string, number[]>()
  VectorCache.open(dir, SCOPE).read((key, values) => found.set(key, [...values]))
  return found
}

describe('the cache of vectors', () => {
  it('loses nothing but the record that a crash tore, wherever the file ends', () => {
    const dir = folder()
    const { file } = filled(dir, 3)
    const whole = fs.readFileSync(file)
    const start = whole.indexOf('\n') + 1
    for (let size = start; size <= whole.length; size += size % 5 === 0 ? 1 : 4) {
      fs.writeFileSync(file, whole.subarray(0, size))
      const cache = VectorCache.open(dir, SCOPE)
      cache.append([textKey('after')], [vector(9)])
      cache.close()
      const found = contents(dir)
      const kept = Math.floor((size - start) / RECORD)
      for (let n = 0; n < kept; n++) expect(found.get(textKey(`text ${n}`))).toEqual([...vector(n)])
      expect(found.get(textKey('after'))).toEqual([...vector(9)])
      expect(found.size).toBe(kept + 1)
    }
  })

  it('never gives a vector that is not the one stored, whatever bytes are damaged', () => {
    const dir = folder()
    const { file } = filled(dir, 20)
    const whole = fs.readFileSync(file)
    const start = whole.indexOf('\n') + 1
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: start, max: whole.length - 1 }), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 6,
        }),
        (damage) => {
          const bytes = Buffer.from(whole)
          for (const [at, by] of damage) bytes[at]! ^= by
          fs.writeFileSync(file, bytes)
          const found = contents(dir)
          expect(found.size).toBeGreaterThanOrEqual(20 - damage.length)
          for (let n = 0; n < 20; n++) {
            const got = found.get(textKey(`text ${n}`))
            if (got) expect(got).toEqual([...vector(n)])
          }
        },
      ),
      { numRuns: 100 },
    )
  })

  it('keeps what two processes append at once', () => {
    const dir = folder()
    const [one, two] = [VectorCache.open(dir, SCOPE), VectorCache.open(dir, SCOPE)]
    for (let n = 0; n < 10; n++) {
      one.append([textKey(`one ${n}`)], [vector(n)])
      two.append([textKey(`two ${n}`)], [vector(n)])
    }
    one.close()
    two.close()
    expect(contents(dir).size).toBe(20)
  })

  it('mixes the vectors of two embedders, or of two widths', () => {
    const dir = folder()
    filled(dir, 2)
    const other = VectorCache.open(dir, { ...SCOPE, identity: 'another address' })
    expect(other.width).toBeUndefined()
    const same = VectorCache.open(dir, SCOPE)
    expect(() => same.append([textKey('x')], [Float32Array.of(1)])).toThrow(/1 numbers now, and had 3 before/)
  })

  it('leaves a file alone that is something else', () => {
    const dir = folder()
    const { file } = filled(dir, 1)
    fs.writeFileSync(file, 'precious notes')
    expect(() => VectorCache.open(dir, SCOPE)).toThrow(/no cache/)
    expect(fs.readFileSync(file, 'utf8')).toBe('precious notes')
  })

  it('takes all memory for vectors as wide as a damaged header says', () => {
    const dir = folder()
    const { file } = filled(dir, 1)
    fs.writeFileSync(file, fs.readFileSync(file, 'latin1').replace('"width":3', '"width":3000000000'), 'latin1')
    expect(() => VectorCache.open(dir, SCOPE)).toThrow(/no cache/)
  })

  it.skipIf(process.platform === 'win32')('waits for a pipe, or leads its first vector out by a link', () => {
    const dir = folder()
    const { file } = filled(dir, 1)
    fs.rmSync(file)
    execFileSync('mkfifo', [file])
    expect(() => VectorCache.open(dir, SCOPE)).toThrow(/not a regular file/)
    fs.rmSync(file)
    const victim = path.join(dir, 'victim')
    fs.writeFileSync(victim, 'mine')
    fs.symlinkSync(victim, `${file}.${process.pid}`)
    filled(dir, 1)
    expect(fs.readFileSync(victim, 'utf8')).toBe('mine')
  })

  it('puts the file of a model that is named like a path elsewhere', () => {
    const dir = folder()
    const inner = path.join(dir, 'inner')
    for (const model of ['../../climbed', '/etc/passwd', '..', 'a/../../b', 'nul\0l'])
      expect(path.dirname(path.resolve(VectorCache.open(inner, { ...SCOPE, model }).file))).toBe(inner)
  })
})

describe('the file of vectors', () => {
  const plan = (dir: string, change: object = {}) => ({
    file: path.join(dir, 'emb.npy'),
    rowsOf: new Map([
      [textKey('text 1'), [0, 2]],
      [textKey('text 0'), [1]],
    ]),
    rows: 3,
    type: 'float32' as const,
    normalize: false,
    ...change,
  })

  it('puts a vector into another row, or does not scale it to length 1', () => {
    const dir = folder()
    const cache = filled(dir, 3)
    writeVectorFile(plan(dir), cache)
    const bytes = fs.readFileSync(path.join(dir, 'emb.npy'))
    expect(bytes.subarray(0, 128).toString('latin1')).toContain("'<f4', 'fortran_order': False, 'shape': (3, 3)")
    const values = new Float32Array(Uint8Array.from(bytes.subarray(128)).buffer)
    expect([...values]).toEqual([...vector(1), ...vector(0), ...vector(1)])
    writeVectorFile(plan(dir, { normalize: true, type: 'float16' }), cache)
    const halves = fs.readFileSync(path.join(dir, 'emb.npy')).subarray(128)
    expect(halves).toHaveLength(18)
    // 1/√(0² + 0² + 1²): the half 1.0 is 0x3c00.
    expect(halves.readUInt16LE(10)).toBe(0x3c00)
  })

  it('goes where a link leads that stands in the place of its draft, or in its own', () => {
    const dir = folder()
    const cache = filled(dir, 3)
    const victim = path.join(dir, 'victim')
    fs.writeFileSync(victim, 'mine')
    const { file } = plan(dir)
    fs.symlinkSync(victim, `${file}.${process.pid}.tmp`)
    fs.symlinkSync(victim, file)
    writeVectorFile(plan(dir), cache)
    expect(fs.readFileSync(victim, 'utf8')).toBe('mine')
    expect(fs.lstatSync(file).isFile()).toBe(true)
  })

  it('is there without a vector that the cache has lost, or with an infinite half', () => {
    const dir = folder()
    const cache = filled(dir, 3)
    const rowsOf = new Map([[textKey('never seen'), [0]]])
    expect(() => writeVectorFile(plan(dir, { rowsOf, rows: 1 }), cache)).toThrow(/lost the vector of text 0/)
    cache.append([textKey('large')], [Float32Array.of(70_000, 0, 0)])
    cache.close()
    const large = new Map([[textKey('large'), [0]]])
    expect(() => writeVectorFile(plan(dir, { rowsOf: large, rows: 1, type: 'float16' }), cache)).toThrow(/float16/)
    expect(fs.readdirSync(dir).filter((name) => /npy/.test(name))).toEqual([])
  })
})
