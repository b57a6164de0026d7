import zlib from 'node:zlib'
import { compressors as codecs } from 'hyparquet-compressors'
import { ParquetFault } from '../../shared/parquet/thrift'

/** The most that one byte can stand for: a page that claims more is a lie, and need not be tried. */
const MAX_RATIO: Readonly<Record<string, number>> = { SNAPPY: 64, LZ4: 256, LZ4_RAW: 256, GZIP: 1100 }
/** A few bytes of header stand for nothing. */
const SLACK = 64

/**
 * A page's bytes. Its size is known before, and no decoder gives more than that; GZIP, Brotli and Zstandard are Node's
 * own, which stop at it, the others write into memory of that size.
 *
 * @throws ParquetFault
 */
export function decompress(codec: string, input: Uint8Array, length: number): Uint8Array {
  if (codec === 'UNCOMPRESSED') {
    if (input.length !== length) throw new ParquetFault(`a page has ${input.length} bytes in place of ${length}`)
    return input
  }
  const ratio = MAX_RATIO[codec]
  if (ratio !== undefined && length > input.length * ratio + SLACK)
    throw new ParquetFault(`a page of ${input.length} bytes claims to hold ${length}`)
  if (length === 0) return new Uint8Array(0)
  let output: Uint8Array
  try {
    output = decompressor(codec)(input, length)
  } catch (error) {
    if (error instanceof ParquetFault) throw error
    throw new ParquetFault(`a page does not decompress (${codec})`, { cause: error })
  }
  if (output.length !== length) throw new ParquetFault(`a page has ${output.length} bytes in place of ${length}`)
  return output
}

function decompressor(codec: string): (input: Uint8Array, length: number) => Uint8Array {
  switch (codec) {
    case 'GZIP':
      return (input, maxOutputLength) => zlib.unzipSync(input, { maxOutputLength })
    case 'BROTLI':
      return (input, maxOutputLength) => zlib.brotliDecompressSync(input, { maxOutputLength })
    case 'ZSTD':
      if (!('zstdDecompressSync' in zlib)) throw new ParquetFault('it is compressed by ZSTD, which needs Node 22.15')
      return (input, maxOutputLength) => zlib.zstdDecompressSync(input, { maxOutputLength })
    case 'SNAPPY':
      return codecs.SNAPPY!
    case 'LZ4':
      return codecs.LZ4!
    case 'LZ4_RAW':
      return codecs.LZ4_RAW!
    default:
      throw new ParquetFault(`it is compressed by ${codec}, which is not supported`)
  }
}
