/** `\x93NUMPY`, version 1.0. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]
/** NumPy aligns the data to this many bytes. */
const ALIGNMENT = 64

/** What stands before the data of a version 1.0 .npy file in C order. @param descr `<f4`, `<i8`, `|S3` and the like */
export function npyHeader(descr: string, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`
  const size = Math.ceil((MAGIC.length + 2 + text.length + 1) / ALIGNMENT) * ALIGNMENT
  const length = size - MAGIC.length - 2
  const header = Uint8Array.from(`${text.padEnd(length - 1)}\n`, (letter) => letter.charCodeAt(0))
  return Uint8Array.from([...MAGIC, length & 0xff, length >> 8, ...header])
}
