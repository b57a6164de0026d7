import type { LoreConfig } from '../../../shared/config/models/baselines'
import type { FusedModel } from '../fused'
import type { Sizes } from '../model'
import { BASIS, USER, loreParameters } from './parameters'

/** lore, see reference.ts: the margin is ⟨softmax(a_u), V y_w − V y_l⟩. */
export function loreFused(config: LoreConfig, sizes: Sizes): FusedModel {
  return {
    parameters: loreParameters(config, sizes),
    batchDependent: false,
    textWeights: [BASIS],
    penalties: { [BASIS]: { l1: config.lambda_v } },
    prompts: false,
    normalised: false,
    forward(tape, { pairs, answers, users, chosen, rejected, margin, parameter, perUser, perUserGrad, constant }) {
      const basis = parameter(BASIS)
      const one = constant(1)
      const rewards = tape.project(answers, basis)
      const mixture = tape.softmax(tape.gather(perUser(USER), users, pairs))
      const difference = tape.combine(tape.gather(rewards, chosen, pairs), tape.gather(rewards, rejected, pairs), -1)
      tape.dot(mixture, difference, one, 1, margin)
      const gRewards = tape.matrix(rewards.rows, answers.axis)
      return (g) => {
        const gMixture = tape.dotGrad(difference, one, 1, g)
        tape.softmaxGrad(mixture, gMixture)
        tape.scatter(perUserGrad(USER), [{ positions: users, g: gMixture }])
        tape.scatter(gRewards, [
          { positions: chosen, g: tape.dotGrad(mixture, one, 1, g) },
          { positions: rejected, g: tape.dotGrad(mixture, one, -1, g) },
        ])
        tape.projectGrad(answers, gRewards, basis)
      }
    },
  }
}
