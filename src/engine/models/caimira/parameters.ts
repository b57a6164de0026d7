import type { CaimiraConfig } from '../../../shared/config/models/caimira'
import { linearParameters, type ParameterSpec } from '../model'

export const NAMES = {
  difficultyWeight: 'layer_d.weight',
  difficultyBias: 'layer_d.bias',
  relevanceWeight: 'layer_r.weight',
  relevanceBias: 'layer_r.bias',
  skill: 'layer_s.weight',
} as const

/** Standard deviation of the users' initial skills. */
const SKILL_SD = 0.001

/**
 * @param width of the item vectors
 * @param users rows of the skill table
 */
export function caimiraParameters({ n_dim: K }: CaimiraConfig, width: number, users: number): ParameterSpec[] {
  return [
    ...linearParameters('layer_d', K, width),
    ...linearParameters('layer_r', K, width),
    { name: NAMES.skill, shape: [users, K], init: { kind: 'normal', sd: SKILL_SD }, perUser: true },
  ]
}
