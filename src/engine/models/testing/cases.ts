import type { ModelName } from '../../../shared/config/experiment'

/** A model's section to be tested, over a data set with or without user features. */
export interface ModelCase {
  name: string
  section: object
  features: boolean
}

/** Every way in which a model computes something else; a new model lists its own here. */
const SECTIONS: { readonly [Name in ModelName]: readonly Omit<ModelCase, 'name'>[] } = {
  caimira: [
    { section: { n_dim: 3, lambda_s: 0.01, lambda_d: 0.02 }, features: false },
    { section: { n_dim: 3, lambda_s: 0.01, lambda_d: 0.02, centering: 'side', r_temperature: 2 }, features: false },
  ],
  model1: [
    { section: { n_dim: 3, n_dim_user_embed_2: 2, lambda_x: 0.01, lambda_y: 0.02, lambda_r: 0.03 }, features: false },
    { section: { n_dim: 3, n_dim_user_embed_2: 2, lambda_u: 0.04 }, features: true },
    { section: { n_dim: 3, n_dim_user_embed_2: 2, has_user_features: false }, features: true },
  ],
  model2: [
    { section: { n_dim: 4, n_dim_user_embed_2: 3, proj_hidden: 5, lambda_w2_id: 0.02 }, features: false },
    { section: { n_dim: 4, n_dim_user_embed_2: 3, proj_hidden: 5, feature_mode: 'gate' }, features: true },
  ],
  ntm: [
    { section: { n_dim: 3, n_topics: 4, words_emb_dim: 5, l1_beta: 0.01, l2_beta: 0.02 }, features: false },
    {
      section: { n_dim: 3, n_topics: 4, words_emb_dim: 5, alpha: 2, l1_beta_c: 0.01, l2_beta_c: 0.02 },
      features: true,
    },
    {
      section: { n_dim: 2, n_topics: 3, words_emb_dim: 4, has_user_features: false, centering: 'side' },
      features: true,
    },
  ],
  lore: [{ section: { n_dim: 3, lambda_v: 0.01 }, features: false }],
  bt: [{ section: { lambda_w: 0.01 }, features: false }],
}

export function casesOf(model: ModelName): ModelCase[] {
  return SECTIONS[model].map((one) => ({
    ...one,
    name: `${model} ${JSON.stringify(one.section)}${one.features ? ' with features' : ''}`,
  }))
}
