import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { trainerSchema } from '../../shared/config/trainer'

const numbers = z.array(z.number())

/** What PyTorch does, written by `torch_reference.py`. */
export const torchReference = z
  .object({
    schedules: z.array(z.object({ trainer: trainerSchema, steps: z.int(), learningRate: numbers, beta1: numbers })),
    plateaus: z.array(z.object({ trainer: trainerSchema, losses: numbers, learningRate: numbers })),
    optimisers: z.array(
      z.object({ trainer: trainerSchema, start: numbers, gradients: z.array(numbers), parameters: z.array(numbers) }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, 'torch_reference.json'), 'utf8')))
