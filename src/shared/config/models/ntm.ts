import { z } from 'zod'
import { about } from '../describe'
import { caimiraSchema } from './caimira'
import { dropoutRate, penalty, positive, userFeatures, width } from './sizes'

/** The `ntm` section: a supervised neural topic model whose topics feed a caimira head; the head has caimira's keys. */
export const ntmSchema = z.strictObject({
  words_emb_dim: width(300, 65_536, 'Word embedding', "Width of the encoder's word embeddings."),
  // One topic has a prior of no width.
  n_topics: z
    .int()
    .min(2)
    .max(4096)
    .default(6)
    .meta(
      about({ title: 'Topics', description: 'Topics T that texts are mixtures of.', group: 'model', scale: 'log' }),
    ),
  alpha: positive(
    1,
    'Topic prior',
    "Symmetric Dirichlet prior of a text's topics; lower means fewer topics in a text.",
  ),
  encoder_dropout: dropoutRate(0.2, 'Encoder dropout', 'Dropout of the encoder.'),
  z_dropout: dropoutRate(0.2, 'Topic dropout', 'Dropout of the topic logits.'),
  l1_beta: penalty(0, 'L1 of the words', "L1 weight on the topics' words."),
  l2_beta: penalty(0, 'L2 of the words', "L2 weight on the topics' words."),
  l1_beta_c: penalty(0, "L1 of the features' words", "L1 weight on the features' words."),
  l2_beta_c: penalty(0, "L2 of the features' words", "L2 weight on the features' words."),
  has_user_features: userFeatures,
  ...caimiraSchema.shape,
})
export type NtmConfig = z.infer<typeof ntmSchema>
