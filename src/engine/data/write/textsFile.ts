import { open } from 'node:fs/promises'
import { unwritable } from '../../run/files'
import { throwIfStopped } from '../files'

/** Characters that are written at once. */
const PIECE_CHARACTERS = 1 << 20

/** Writes a `text_file`, a JSON array of strings with one text a line, in bounded memory. @returns its texts */
export async function writeTexts(path: string, texts: Iterable<string>, signal?: AbortSignal): Promise<number> {
  const handle = await open(path, 'w').catch((cause: unknown) => {
    throw unwritable(path, cause)
  })
  try {
    let count = 0
    let piece = '['
    for (const text of texts) {
      piece += `${count === 0 ? '' : ','}\n${JSON.stringify(text)}`
      count++
      if (piece.length < PIECE_CHARACTERS) continue
      throwIfStopped(signal)
      await handle.write(piece)
      piece = ''
    }
    await handle.write(`${piece}\n]\n`)
    return count
  } finally {
    await handle.close()
  }
}
