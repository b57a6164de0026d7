import type { Model1Config } from '../../../shared/config/models/model1'
import { layerNormParameters, linearInit, linearParameters, type ParameterSpec, type Sizes } from '../model'
import { requireFeatures } from '../userFeatures'

export const USER = 'user_id.weight'
export const USER_PROJECTION = 'W_id'

/** Standard deviation of the users' initial embeddings. */
const USER_SD = 0.001

export function usesFeatures({ has_user_features }: Model1Config, { features }: Sizes): boolean {
  return has_user_features ?? features > 0
}

/** @throws AppError `config_invalid` when features are asked for and none are selected */
export function model1Parameters(config: Model1Config, sizes: Sizes): ParameterSpec[] {
  const { n_dim: K, n_dim_user_embed_2: E } = config
  const { width: D, features: F } = sizes
  if (config.has_user_features === true) requireFeatures('model1.has_user_features', 'true', sizes)
  return [
    ...linearParameters('W_x', K, D),
    ...linearParameters('W_y', K, D),
    ...layerNormParameters('ln_x', K),
    ...layerNormParameters('ln_y', K),
    ...(usesFeatures(config, sizes) ? [...linearParameters('W_u', K, F), ...layerNormParameters('ln_u', K)] : []),
    { name: USER, shape: [config.n_users ?? sizes.users, E], init: { kind: 'normal', sd: USER_SD }, perUser: true },
    { name: `${USER_PROJECTION}.weight`, shape: [K, E], init: linearInit(E) },
  ]
}
