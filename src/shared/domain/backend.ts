import { z } from 'zod'

/** Backends that train, in the order of preference on a machine without a graphics card. */
export const TRAINING_BACKENDS = ['fused', 'tensorflow', 'wasm', 'cpu'] as const

/** A backend as this machine has it. */
export const backendStateSchema = z.object({
  name: z.enum(TRAINING_BACKENDS),
  works: z.boolean(),
  /** What it computes with here, or why it does not work. */
  text: z.string(),
  /** What would make it work, one sentence. */
  fix: z.string().optional(),
})
export type BackendState = z.infer<typeof backendStateSchema>

/** The command that makes the backend `tensorflow` work, or mends it. */
export const SETUP_TENSORFLOW = 'npm run setup:tensorflow'
