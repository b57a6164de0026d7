import { z } from 'zod'
import { configuredSizes, penalty } from '../../../shared/config/models/sizes'

/** The `linear` section: a linear reward for every user, around a shared one. */
export const linearSchema = z.strictObject({
  lambda_v: penalty(1e-4, 'L1 of deviations', "L1 weight on the users' deviations."),
  ...configuredSizes,
})
export type LinearConfig = z.infer<typeof linearSchema>
