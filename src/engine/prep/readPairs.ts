import { regularFileSize } from '../data/files'
import { readFrame, type FrameBatch, type FrameFormat } from '../data/frame'
import type { PrepareProgress } from '../../shared/domain/preparation'

export interface PassOptions {
  signal?: AbortSignal
  onProgress?: (progress: PrepareProgress) => void
}

export interface PairsPass extends PassOptions {
  /** What progress calls this pass. */
  stage: string
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
    onBytes: (bytes) => pass.onProgress?.({ stage: pass.stage, done: Math.min(total, (done += bytes)), total }),
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
