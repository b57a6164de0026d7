import { z } from 'zod'
import { caimiraSchema } from './caimira'
import { dropoutRate, penalty } from './sizes'

/** The `ntm` section: a supervised neural topic model whose topics feed a caimira head; the head has caimira's keys. */
export const ntmSchema = z.strictObject({
  words_emb_dim: z.int().positive().max(65_536).default(300).describe('Width of the word embeddings of the encoder'),
  // One topic has a prior of no width.
  n_topics: z.int().min(2).max(4096).default(6).describe('Topics T'),
  alpha: z.number().positive().default(1).describe('Symmetric Dirichlet prior of the topics of a text'),
  encoder_dropout: dropoutRate.default(0.2).describe('Dropout of the encoder'),
  z_dropout: dropoutRate.default(0.2).describe('Dropout of the topic logits'),
  l1_beta: penalty.default(0).describe("L1 weight on the topics' words"),
  l2_beta: penalty.default(0).describe("L2 weight on the topics' words"),
  l1_beta_c: penalty.default(0).describe("L1 weight on the features' words"),
  l2_beta_c: penalty.default(0).describe("L2 weight on the features' words"),
  has_user_features: z
    .boolean()
    .optional()
    .describe('Use the selected user features; by default whenever there are any'),
  ...caimiraSchema.shape,
})
export type NtmConfig = z.infer<typeof ntmSchema>
