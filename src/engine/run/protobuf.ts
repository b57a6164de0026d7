/** The few pieces of protobuf's wire format that TensorBoard's event files need. Each function encodes one field. */
export type Field = Uint8Array

const utf8 = new TextEncoder()

/** Negative numbers take ten bytes, as 64-bit two's complement. */
function varint(value: number): number[] {
  const bytes: number[] = []
  if (value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
    return [...bytes, Number(rest)]
  }
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return bytes
}

export function message(...fields: Field[]): Uint8Array {
  const out = new Uint8Array(fields.reduce((sum, field) => sum + field.length, 0))
  let at = 0
  for (const field of fields) {
    out.set(field, at)
    at += field.length
  }
  return out
}

export const integer = (number: number, value: number): Field =>
  Uint8Array.from([...varint(number << 3), ...varint(value)])

export function bytes(number: number, value: Uint8Array): Field {
  return message(Uint8Array.from([...varint((number << 3) | 2), ...varint(value.length)]), value)
}

export const text = (number: number, value: string): Field => bytes(number, utf8.encode(value))

export function double(number: number, value: number): Field {
  const out = new Uint8Array(9)
  out[0] = (number << 3) | 1
  new DataView(out.buffer).setFloat64(1, value, true)
  return out
}

export function float(number: number, value: number): Field {
  const out = new Uint8Array(5)
  out[0] = (number << 3) | 5
  new DataView(out.buffer).setFloat32(1, value, true)
  return out
}
