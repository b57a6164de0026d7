import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { RandomStream } from '../src/engine/loop/random'
import { mutate } from './mutators'
import type { Reader } from './readers'

/** The bytes of case n of a reader: its seeds as they are first, then mutations, a pure function of (seed, reader, n). */
export function caseBytes(reader: Reader, seed: number, n: number): { bytes: Buffer; trail: string[] } {
  const own = reader.seeds[n]
  const { bytes, trail } = own
    ? { bytes: own, trail: [`seed ${n}`] }
    : mutate(reader.seeds, new RandomStream(seed, `fuzz/${reader.name}`, n))
  return { bytes: reader.wrap?.(bytes) ?? bytes, trail }
}

export function writeCase(reader: Reader, folder: string, seed: number, n: number): string[] {
  const { bytes, trail } = caseBytes(reader, seed, n)
  writeFileSync(path.join(folder, reader.file), bytes)
  return trail
}
