import { unzipSync } from 'fflate'
import type { NamedArray } from '../../backends/execution'

/** Reads every float32, C-ordered array of a NumPy .npz archive: enough for golden files, which NumPy wrote. */
export function readNpz(bytes: Uint8Array): NamedArray[] {
  return Object.entries(unzipSync(bytes)).map(([entry, npy]) => {
    const headerLength = new DataView(npy.buffer, npy.byteOffset).getUint16(8, true)
    const header = new TextDecoder('latin1').decode(npy.subarray(10, 10 + headerLength))
    const shape = /'shape': \(([^)]*)\)/.exec(header)?.[1]
    if (!header.includes("'<f4'") || header.includes("'fortran_order': True") || shape === undefined)
      throw new Error(`${entry} is no float32 array in C order: ${header}`)
    return {
      name: entry.replace(/\.npy$/, ''),
      shape: shape
        .split(',')
        .map(Number)
        .filter((_, i, all) => all.length === 1 || i < all.length - 1 || shape.trim().at(-1) !== ','),
      values: new Float32Array(npy.slice(10 + headerLength).buffer),
    }
  })
}
