import type { LoreConfig } from '../../../shared/config/models/baselines'
import { linearInit, type ParameterSpec, type Sizes } from '../model'

export const BASIS = 'V.weight'
export const USER = 'a.weight'

/** Standard deviation of the users' initial mixture logits. */
const USER_SD = 0.01

export function loreParameters({ n_dim: K, n_users }: LoreConfig, { width, users }: Sizes): ParameterSpec[] {
  return [
    { name: BASIS, shape: [K, width], init: linearInit(width) },
    { name: USER, shape: [n_users ?? users, K], init: { kind: 'normal', sd: USER_SD }, perUser: true },
  ]
}
