import { float64Of } from '../columns'
import type { Wire } from './wire'

/** framework/types.proto. */
const TYPE = { float: 1, double: 2, int32: 3, int64: 9, half: 19 } as const
/** framework/tensor.proto. */
const TENSOR = { dtype: 1, shape: 2, content: 4, floats: 5, doubles: 6, ints: 7, longs: 10, halves: 13 } as const

/** The number in a tensor that holds exactly one, as TensorFlow 2 and `add_scalar(new_style=True)` write scalars. */
export function scalarOf(tensor: Wire): number | undefined {
  let dtype = 0
  let found: number | undefined
  let elements = 1
  while (tensor.next()) {
    const { field, type } = tensor
    if (field === TENSOR.dtype && type === 0) dtype = tensor.varint
    else if (field === TENSOR.shape && type === 2) elements = elementsOf(tensor.inner())
    else if (field === TENSOR.content && type === 2) found = contentOf(tensor, dtype)
    // Repeated numbers are packed; a single one may also stand by itself.
    else if (field === TENSOR.floats && size(tensor) === 4) found = tensor.float()
    else if (field === TENSOR.doubles && size(tensor) === 8) found = tensor.double()
    else if (field === TENSOR.ints || field === TENSOR.longs) found = type === 0 ? tensor.varint : packedVarint(tensor)
    else if (field === TENSOR.halves) found = half(type === 0 ? tensor.varint : (packedVarint(tensor) ?? 0))
  }
  if (elements !== 1) return undefined
  // Protobuf leaves out what is zero.
  const known: number[] = [TYPE.float, TYPE.double, TYPE.int32, TYPE.int64, TYPE.half]
  return found ?? (known.includes(dtype) ? 0 : undefined)
}

const size = ({ from, to }: Wire): number => to - from

/** TensorShapeProto: dim = 2 {size = 1}. A scalar has no dimension. */
function elementsOf(shape: Wire): number {
  let elements = 1
  while (shape.next()) {
    if (shape.field !== 2 || shape.type !== 2) continue
    const dimension = shape.inner()
    let length = 0
    while (dimension.next()) if (dimension.field === 1) length = dimension.varint
    elements *= length
  }
  return elements
}

function contentOf(tensor: Wire, dtype: number): number | undefined {
  const { view, from } = tensor
  const bytes = size(tensor)
  if (dtype === TYPE.float && bytes === 4) return view.getFloat32(from, true)
  if (dtype === TYPE.double && bytes === 8) return float64Of(tensor.bytes.subarray(from, from + 8))[0]
  if (dtype === TYPE.int32 && bytes === 4) return view.getInt32(from, true)
  if (dtype === TYPE.int64 && bytes === 8) return Number(view.getBigInt64(from, true))
  if (dtype === TYPE.half && bytes === 2) return half(view.getUint16(from, true))
  return undefined
}

function packedVarint(tensor: Wire): number | undefined {
  let value = 0
  let scale = 1
  for (let i = tensor.from; i < tensor.to; i++) {
    const byte = tensor.bytes[i] ?? 0
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return i === tensor.to - 1 ? value : undefined
    scale *= 128
  }
  return undefined
}

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
