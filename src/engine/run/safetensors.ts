import type { NamedArray } from '../backends/execution'
import { AppError } from '../../shared/errors'

/**
 * The safetensors format (Hugging Face): a little-endian u64 header length, a JSON header of
 * name → {dtype, shape, data_offsets}, then the raw values. Only F32 is written and read here.
 */
export function encodeSafetensors(
  arrays: readonly NamedArray[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  let offset = 0
  const header = arrays.map(({ name, shape, values }): [string, object] => [
    name,
    { dtype: 'F32', shape, data_offsets: [offset, (offset += values.byteLength)] },
  ])
  const about = Object.keys(metadata).length === 0 ? [] : [['__metadata__', metadata] as const]
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries([...about, ...header])))
  // The format wants the data aligned to 8 bytes; spaces pad the header.
  const headerLength = Math.ceil(json.length / 8) * 8
  const file = new Uint8Array(8 + headerLength + offset)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true)
  file.fill(0x20, 8, 8 + headerLength)
  file.set(json, 8)
  let at = 8 + headerLength
  for (const { values } of arrays) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
    at += values.byteLength
  }
  return file
}

/** The strings that a file says about itself. @throws AppError `unreadable` */
export function safetensorsMetadata(bytes: Uint8Array, file: string): Record<string, string> {
  const metadata: unknown = Reflect.get(readHeader(bytes, file).header, '__metadata__')
  return Object.fromEntries(
    Object.entries(Object(metadata)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** @throws AppError `unreadable` when the bytes are no F32 safetensors file. */
export function decodeSafetensors(bytes: Uint8Array, file: string): NamedArray[] {
  const { header, headerLength } = readHeader(bytes, file)
  const broken = brokenFile(file)
  // Not bytes.subarray: a Buffer's slice would share its memory instead of copying.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + headerLength, bytes.length - 8 - headerLength)
  // The format knows neither holes nor overlaps: without this check a small file could claim the same bytes many times.
  let end = 0
  const arrays = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]): [string, number[], number, number] => {
      const { dtype, shape, data_offsets: offsets } = Object(entry)
      if (dtype !== 'F32' || !isNaturals(shape) || !isNaturals(offsets) || offsets.length !== 2)
        throw broken(`its entry "${name}" is malformed`)
      const [from, to] = [offsets[0]!, offsets[1]!]
      if (to > data.length || to - from !== 4 * shape.reduce((a, b) => a * b, 1))
        throw broken(`the values of "${name}" do not fit its shape`)
      return [name, shape, from, to]
    })
    .sort(([, , a, aEnd], [, , b, bEnd]) => a - b || aEnd - bEnd)
  for (const [name, , from, to] of arrays) {
    if (from !== end) throw broken(`the values of "${name}" do not follow those before them`)
    end = to
  }
  if (end !== data.length) throw broken(`${data.length - end} bytes at its end belong to nothing`)
  return arrays.map(([name, shape, from, to]) => ({
    name,
    shape,
    values: new Float32Array(data.slice(from, to).buffer),
  }))
}

function readHeader(bytes: Uint8Array, file: string): { header: object; headerLength: number } {
  const broken = brokenFile(file)
  if (bytes.length < 8) throw broken('it is shorter than its header')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = Number(view.getBigUint64(0, true))
  if (headerLength > bytes.length - 8) throw broken('its header runs past its end')
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)))
  } catch {
    throw broken('its header is not JSON')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw broken('its header is no object')
  return { header, headerLength }
}

const brokenFile =
  (file: string) =>
  (why: string): AppError =>
    new AppError('unreadable', `${file} is no readable checkpoint: ${why}`, {
      file,
      fix: 'It cannot be repaired: start a new run, or use the run’s other checkpoint.',
    })

function isNaturals(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isInteger(item) && item >= 0)
}
