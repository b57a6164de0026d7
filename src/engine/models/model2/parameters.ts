import type { Model2Config } from '../../../shared/config/models/model2'
import { layerNormParameters, linearInit, linearParameters, type ParameterSpec, type Sizes } from '../model'
import { requireFeatures } from '../userFeatures'

export const SCALE = 'scale'
export const USER = 'user_id.weight'
export const USER_PROJECTION = 'W_id'

/** Standard deviation of the users' initial embeddings. */
const USER_SD = 0.01
/** The learned scale is clamped to this range before use. */
export const SCALE_RANGE = [0.1, 10] as const

/** @throws AppError `config_invalid` when feature_mode is gate and no features are selected */
export function model2Parameters(config: Model2Config, sizes: Sizes): ParameterSpec[] {
  const { n_dim: K, proj_hidden: H, n_dim_user_embed_2: E } = config
  const { width: D, features: F } = sizes
  const gated = config.feature_mode === 'gate'
  if (gated) requireFeatures('model2.feature_mode', 'gate', sizes)
  return [
    { name: SCALE, shape: [], init: { kind: 'constant', value: config.init_scale } },
    ...['proj_x', 'proj_y'].flatMap((name) => [
      ...linearParameters(`${name}.0`, H, D),
      ...linearParameters(`${name}.3`, K, H),
    ]),
    ...layerNormParameters('ln_x', K),
    ...layerNormParameters('ln_y', K),
    ...(gated ? [...linearParameters('W_u', K, F), ...layerNormParameters('ln_u', K)] : []),
    ...linearParameters('xy.0', K, 2 * K),
    ...linearParameters('xy.3', K, K),
    ...layerNormParameters('ln_xy', K),
    { name: USER, shape: [config.n_users ?? sizes.users, E], init: { kind: 'normal', sd: USER_SD }, perUser: true },
    { name: `${USER_PROJECTION}.weight`, shape: [K, E], init: linearInit(E) },
  ]
}
