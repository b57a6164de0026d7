import path from 'node:path'
import { z } from 'zod'
import { AppError, messageOf } from '../../shared/errors'
import type { NamedArray } from '../backends/execution'
import { readRegularFile, writeAtomically } from './files'
import { decodeSafetensors, encodeSafetensors, safetensorsMetadata } from './safetensors'

export type CheckpointName = 'best' | 'last'

const figuresSchema = z.object({
  loss: z.number(),
  bt_loss: z.number(),
  reg_loss: z.number(),
  acc: z.number(),
  acc_r_star: z.number(),
  acc_delta: z.number(),
  terms: z.record(z.string(), z.number()),
})

/** What a run goes on from besides the tensors. */
export const progressSchema = z.object({
  position: z.object({
    epoch: z.int().min(0),
    batch: z.int().min(0),
    figures: figuresSchema.extend({ rows: z.int() }).nullable(),
    ended: z.boolean(),
  }),
  schedule: z.object({ learningRate: z.number(), best: z.number().nullable(), badEpochs: z.int() }).nullable(),
  patience: z.object({ best: z.number().nullable(), waited: z.int() }),
  best: z.object({ epoch: z.int(), steps: z.int(), val: figuresSchema }).nullable(),
})
export type CheckpointProgress = z.infer<typeof progressSchema>

const HASH_ALGORITHMS = ['xxh64', 'sha256'] as const
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number]
const trainHashSchema = z.templateLiteral([z.enum(HASH_ALGORITHMS), ':', z.string()])
export type TrainHash = z.infer<typeof trainHashSchema>

/** What a reader must know besides the tensors. No time and no run id, so that equal training gives equal bytes. */
export const checkpointMetaSchema = z.object({
  format: z.literal(1),
  model_name: z.string(),
  model: z.record(z.string(), z.unknown()),
  /** Width of the text vectors. */
  width: z.int(),
  embedder: z.record(z.string(), z.unknown()).optional(),
  feature_columns: z.array(z.string()),
  /** Of the training pairs and their vectors, as `<algorithm>:<hexadecimal digits>`. */
  train_hash: trainHashSchema,
  /** The data's own user ids, by row of the per-user tables. */
  users: z.array(z.union([z.string(), z.number()])),
  /** Epochs completed, optimiser steps taken. */
  epochs: z.int(),
  steps: z.int(),
  /** In `best`: the figures that made it the best. */
  val: figuresSchema.optional(),
  /** In `last` alone. */
  progress: progressSchema.optional(),
})
export type CheckpointMeta = z.infer<typeof checkpointMetaSchema>

export interface Checkpoint {
  meta: CheckpointMeta
  /** Parameters, buffers and what evaluation keeps, by name; in `last` also the optimiser's memory. */
  arrays: NamedArray[]
}

/** The key of a checkpoint's description in its file's metadata. */
const DESCRIPTION = 'delta'

/**
 * One file is the truth, so that a crash leaves the old checkpoint or the new one: the description stands in the
 * safetensors file's own metadata. `<name>.json` repeats it for people and scripts, and is never read back.
 */
export function writeCheckpoint(folder: string, name: CheckpointName, { arrays, ...described }: Checkpoint): void {
  // What is written is what would be read back, in the same order: a run that was resumed from it must end in the same bytes.
  const meta = checkpointMetaSchema.parse(described.meta)
  const bytes = encodeSafetensors(arrays, { [DESCRIPTION]: JSON.stringify(meta) })
  writeAtomically(path.join(folder, `${name}.safetensors`), bytes)
  writeAtomically(path.join(folder, `${name}.json`), `${JSON.stringify(meta, null, 2)}\n`, { flush: false })
}

/** @throws AppError `not_found` | `unreadable` */
export function readCheckpoint(folder: string, name: CheckpointName): Checkpoint {
  const file = path.join(folder, `${name}.safetensors`)
  const bytes = read(file)
  const arrays = decodeSafetensors(bytes, file)
  const described = parseJson(safetensorsMetadata(bytes, file)[DESCRIPTION] ?? '', file)
  const parsed = checkpointMetaSchema.safeParse(withTrainHash(described))
  if (parsed.success) return { meta: parsed.data, arrays }
  throw new AppError('unreadable', `${file} is no checkpoint of this version`, { file }, parsed.error)
}

/** Earlier versions wrote a SHA-256 of the same bytes, as `train_sha256`. */
function withTrainHash(described: unknown): unknown {
  const { train_sha256: hex, ...rest } = Object(described)
  return typeof hex === 'string' ? { ...rest, train_hash: `sha256:${hex}` } : described
}

function read(file: string): Uint8Array {
  try {
    return readRegularFile(file)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? 'not_found' : 'unreadable'
    throw new AppError(code, `There is no readable checkpoint ${file}: ${messageOf(cause)}`, { file }, cause)
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError(
      'unreadable',
      `${file} does not describe itself: it is no checkpoint of this program`,
      { file },
      cause,
    )
  }
}
