import { openSync, readSync, closeSync } from 'node:fs'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { RandomStream, permutation } from '../../src/engine/loop/random'
import type { BenchData } from './data'

/** What an epoch of training must touch at least, counted over the very batches that training draws. */
export interface Workload {
  pairs: number
  steps: number
  users: number
  texts: number
  width: number
  /** Distinct answers of a batch, summed over the steps of an epoch. */
  distinctAnswers: number
}

/** Shuffles of this many epochs are counted; batches differ little from epoch to epoch. */
const EPOCHS = 3

export async function workloadOf(data: BenchData, batch: number, seed = 0): Promise<Workload> {
  const file = await asyncBufferFromFile(data.frame)
  const columns = ['u_id', 'chosen_emb_idx', 'rejected_emb_idx']
  const rows = await parquetReadObjects({ file, columns })
  const number = (row: Record<string, unknown>, key: string): number => Number(row[key])
  const { rows: texts, width } = shapeOf(data.vectors)
  let distinct = 0
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const order = permutation(rows.length, new RandomStream(seed, 'shuffle', epoch))
    for (let from = 0; from < order.length; from += batch) {
      const seen = new Set<number>()
      for (const index of order.subarray(from, from + batch)) {
        const row = rows[index]!
        seen.add(number(row, 'chosen_emb_idx')).add(number(row, 'rejected_emb_idx'))
      }
      distinct += seen.size
    }
  }
  return {
    pairs: rows.length,
    steps: Math.ceil(rows.length / batch),
    users: 1 + rows.reduce((most, row) => Math.max(most, number(row, 'u_id')), 0),
    texts,
    width,
    distinctAnswers: distinct / EPOCHS,
  }
}

export const CAIMIRA_FORMULA = '2 · 2K · D · Σ_steps (distinct answers of the batch)'

/**
 * Multiply-adds of one epoch of caimira: [d; r] = [W_d; W_r] y forward, and the gradient of both weights backward, each K · 2 by D for
 * every distinct answer of a batch. The vectors are frozen, so there is no gradient to them. What is left out (softmax, users,
 * optimiser) is linear in B · K or in the parameters, not in D · B.
 */
export function caimiraMultiplyAdds({ distinctAnswers, width }: Workload, K: number, runs = 1): number {
  return 2 * (2 * K) * width * distinctAnswers * runs
}

/** Bytes of vectors that an epoch reads if it looks at each distinct answer of a batch once forward and once backward. */
export function vectorBytes({ distinctAnswers, width }: Workload): number {
  return 2 * 4 * width * distinctAnswers
}

const HEADER_BYTES = 1024

function shapeOf(file: string): { rows: number; width: number } {
  const descriptor = openSync(file, 'r')
  try {
    const start = Buffer.alloc(HEADER_BYTES)
    readSync(descriptor, start, 0, HEADER_BYTES, 0)
    const shape = /'shape': \((\d+), (\d+)\)/.exec(start.toString('latin1'))
    if (!shape) throw new Error(`${file} has no matrix header`)
    return { rows: Number(shape[1]), width: Number(shape[2]) }
  } finally {
    closeSync(descriptor)
  }
}
