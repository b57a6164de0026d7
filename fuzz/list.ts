import { caseBytes } from './cases'
import { READERS } from './readers'

/** For scripts/fuzz.mjs, which runs outside of the bundle. */
export const names: readonly string[] = READERS.map(({ name }) => name)

export function bytesOf(name: string, seed: number, n: number): Buffer {
  const reader = READERS.find((each) => each.name === name)
  if (!reader) throw new Error(`no reader ${name}`)
  return caseBytes(reader, seed, n).bytes
}
