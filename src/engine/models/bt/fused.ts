import type { BtConfig } from '../../../shared/config/models/baselines'
import type { FusedModel } from '../fused'
import type { Sizes } from '../model'
import { WEIGHT, btParameters } from './parameters'

/** bt, see reference.ts: ∂δ/∂w = y. */
export function btFused(config: BtConfig, sizes: Sizes): FusedModel {
  return {
    parameters: btParameters(sizes),
    batchDependent: false,
    textWeights: [WEIGHT],
    penalties: { [WEIGHT]: { l1: config.lambda_w } },
    prompts: false,
    normalised: false,
    forward(tape, { pairs, answers, chosen, rejected, margin, parameter }) {
      const weight = parameter(WEIGHT)
      const reward = tape.project(answers, weight)
      tape.combine(tape.gather(reward, chosen, pairs), tape.gather(reward, rejected, pairs), -1, margin)
      const gReward = tape.matrix(1, answers.axis)
      return (g) => {
        const minus = tape.combine(g, g, -2)
        tape.scatter(gReward, [
          { positions: chosen, g },
          { positions: rejected, g: minus },
        ])
        tape.projectGrad(answers, gReward, weight)
      }
    },
  }
}
