import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { AppError, messageOf } from '../../shared/errors'
import type { NamedArray } from '../backends/execution'
import { writeAtomically } from './files'
import { decodeSafetensors, encodeSafetensors } from './safetensors'

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
  }),
  schedule: z.object({ learningRate: z.number(), best: z.number().nullable(), badEpochs: z.int() }).nullable(),
  patience: z.object({ best: z.number().nullable(), waited: z.int() }),
  best: z.object({ epoch: z.int(), steps: z.int(), val: figuresSchema }).nullable(),
})
export type CheckpointProgress = z.infer<typeof progressSchema>

/**
 * What a reader must know besides the tensors: `<name>.json` beside `<name>.safetensors`. It holds no time and no run
 * id, so that equal training gives equal bytes.
 */
export const checkpointMetaSchema = z.object({
  format: z.literal(1),
  model_name: z.string(),
  model: z.record(z.string(), z.unknown()),
  /** Width of the text vectors. */
  width: z.int(),
  embedder: z.record(z.string(), z.unknown()).optional(),
  feature_columns: z.array(z.string()),
  /** The data's own user ids, by row of the per-user tables. */
  users: z.array(z.union([z.string(), z.number()])),
  /** Epochs completed, optimiser steps taken. */
  epochs: z.int(),
  steps: z.int(),
  val_loss: z.number().optional(),
  /** In `last` alone. */
  progress: progressSchema.optional(),
})
export type CheckpointMeta = z.infer<typeof checkpointMetaSchema>

export interface Checkpoint {
  meta: CheckpointMeta
  /** Parameters, buffers and what evaluation keeps, by name; in `last` also the optimiser's memory. */
  arrays: NamedArray[]
}

/** The tensors first: a crash between the two leaves the old description with newer tensors of the same shapes. */
export function writeCheckpoint(folder: string, name: CheckpointName, { meta, arrays }: Checkpoint): void {
  writeAtomically(path.join(folder, `${name}.safetensors`), encodeSafetensors([...arrays, stepsArray(meta.steps)]))
  writeAtomically(path.join(folder, `${name}.json`), `${JSON.stringify(meta, null, 2)}\n`)
}

/** @throws AppError `not_found` | `unreadable`, also when the two files are of different steps */
export function readCheckpoint(folder: string, name: CheckpointName): Checkpoint {
  const file = path.join(folder, `${name}.safetensors`)
  const description = path.join(folder, `${name}.json`)
  const all = decodeSafetensors(read(file), file)
  const parsed = checkpointMetaSchema.safeParse(parseJson(new TextDecoder().decode(read(description)), description))
  if (!parsed.success)
    throw new AppError(
      'unreadable',
      `${description} is no checkpoint description of this version`,
      { file: description },
      parsed.error,
    )
  const meta = parsed.data
  const written = all.find((array) => array.name === STEPS)?.values[0]
  if (written !== stepsArray(meta.steps).values[0])
    throw new AppError('unreadable', `${file} and its .json are of different steps: writing them was cut short`, {
      file,
      fix: `Use the other checkpoint in ${folder}.`,
    })
  return { meta, arrays: all.filter((array) => array.name !== STEPS) }
}

/** Ties the two files of a checkpoint together. */
const STEPS = 'steps'
const stepsArray = (steps: number): NamedArray => ({ name: STEPS, shape: [1], values: Float32Array.of(steps) })

function read(file: string): Uint8Array {
  try {
    return fs.readFileSync(file)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? 'not_found' : 'unreadable'
    throw new AppError(code, `There is no readable checkpoint ${file}: ${messageOf(cause)}`, { file }, cause)
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('unreadable', `${file} is not JSON`, { file }, cause)
  }
}
