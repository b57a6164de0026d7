import { regularFileSize } from '../data/files'
import { readFrame, type FrameBatch, type FrameFormat } from '../data/frame'
import type { Work } from '../../shared/api/engineProtocol'

export interface PassOptions {
  signal?: AbortSignal
  onWork?: (work: Work) => void
}

export interface PairsPass extends PassOptions {
  /** What progress says is done to the file: read, written. */
  verb: string
  onBatch: (batch: FrameBatch) => void
  onMalformed?: (row: number, reason: string) => void
}

/**
 * Reads every column of a pairs file of either format, batch by batch.
 *
 * @throws AppError `not_found`, `unreadable`, `data_invalid`, `stopped`
 */
export async function readPairs(file: string, pass: PairsPass): Promise<FrameFormat> {
  const total = await regularFileSize(file)
  let format: FrameFormat = 'jsonl'
  let done = 0
  await readFrame(file, {
    signal: pass.signal,
    exactIntegers: true,
    onBytes: (bytes) => {
      done = Math.min(total, done + bytes)
      pass.onWork?.({ what: `KiB ${pass.verb}`, done: Math.ceil(done / 1024), total: Math.ceil(total / 1024) })
    },
    select: (columns, found) => {
      format = found
      return { values: columns, texts: [] }
    },
    encodeText: () => 0,
    onBatch: pass.onBatch,
    onMalformed: pass.onMalformed ?? (() => {}),
  })
  return format
}
