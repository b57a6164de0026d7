import fs from 'node:fs'
import { maskedCrc32c } from '../../../shared/crc32c'
import { AppError, messageOf } from '../../../shared/errors'

/** A frame: length (8 bytes) and its checksum (4), payload, its checksum (4). */
const HEADER_BYTES = 12
const FOOTER_BYTES = 4
const BLOCK_BYTES = 16 * 2 ** 20
/** TensorFlow writes none that large; a length beyond it is a damaged one. */
const MAX_RECORD_BYTES = 2 ** 30

/** A payload: bytes [from, to) of `bytes`, valid until the callback returns. */
export type OnRecord = (bytes: Buffer, view: DataView, from: number, to: number) => void

/**
 * Reads the records of a TFRecord file and checks every checksum. Nothing is copied but the rest of a block that a record
 * crosses.
 *
 * @returns what could not be read, in words; a record whose own length is sound is left out alone
 * @throws AppError `unreadable`
 */
export function readRecords(file: string, onRecord: OnRecord): string[] {
  let handle: number
  try {
    handle = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  } catch (cause) {
    throw new AppError('unreadable', `${file} cannot be read: ${messageOf(cause)}`, { file }, cause)
  }
  try {
    if (!fs.fstatSync(handle).isFile()) throw new AppError('unreadable', `${file} is not a regular file`, { file })
    return scan(handle, onRecord)
  } finally {
    fs.closeSync(handle)
  }
}

function scan(handle: number, onRecord: OnRecord): string[] {
  const problems: string[] = []
  let block = Buffer.allocUnsafe(BLOCK_BYTES)
  let view = viewOf(block)
  /** Offset of the block in the file, bytes in it, and how far they have been read. */
  let offset = 0
  let filled = 0
  let at = 0
  let damaged = 0
  let firstDamaged = 0
  for (;;) {
    const rest = filled - at
    const needed = rest >= HEADER_BYTES ? HEADER_BYTES + lengthAt(view, at) + FOOTER_BYTES : HEADER_BYTES
    const header = rest >= HEADER_BYTES
    if (header && maskedCrc32c(block, at, at + 8) !== view.getUint32(at + 8, true)) {
      problems.push(`from byte ${offset + at} on it is damaged and was not read`)
      break
    }
    if (header && needed > MAX_RECORD_BYTES) {
      problems.push(`the record at byte ${offset + at} claims ${needed} bytes; the rest was not read`)
      break
    }
    if (needed > rest) {
      if (needed > block.length) {
        const larger = Buffer.allocUnsafe(Math.max(needed, 2 * block.length))
        block.copy(larger, 0, at, filled)
        block = larger
        view = viewOf(block)
      } else block.copyWithin(0, at, filled)
      offset += at
      at = 0
      filled = rest
      const read = fs.readSync(handle, block, filled, block.length - filled, offset + filled)
      if (read === 0) {
        if (rest > 0) problems.push(`its last record is cut off at byte ${offset + rest} and was left out`)
        break
      }
      filled += read
      continue
    }
    const from = at + HEADER_BYTES
    const to = at + needed - FOOTER_BYTES
    if (maskedCrc32c(block, from, to) === view.getUint32(to, true)) onRecord(block, view, from, to)
    else if (damaged++ === 0) firstDamaged = offset + at
    at += needed
  }
  if (damaged > 0)
    problems.unshift(
      damaged === 1
        ? `the record at byte ${firstDamaged} is damaged and was left out`
        : `${damaged} records are damaged and were left out, the first at byte ${firstDamaged}`,
    )
  return problems
}

function viewOf(block: Buffer): DataView {
  return new DataView(block.buffer, block.byteOffset, block.byteLength)
}

/** Lengths are 64 bits wide; what does not fit 53 is damaged, which its checksum says. */
function lengthAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
}
