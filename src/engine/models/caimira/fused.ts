import type { CaimiraConfig } from '../../../shared/config/models/caimira'
import type { IrtSides } from '../../kernels/tape'
import type { FusedModel } from '../fused'
import type { Sizes } from '../model'
import { NAMES, caimiraParameters } from './parameters'

/**
 * caimira, see reference.ts. With q = s − (d − centre), ∂δ/∂r = q, ∂δ/∂s = r and ∂δ/∂d = −r; the centre is a mean of d, so
 * that each use of a text in the batch also receives the centre's gradient divided by the uses it is a mean of.
 */
export function caimiraFused(config: CaimiraConfig, sizes: Sizes): FusedModel {
  const K = config.n_dim
  const side = config.centering === 'side'
  const sharpness = 1 / config.r_temperature
  return {
    parameters: caimiraParameters(config, sizes.width, config.n_users ?? sizes.users),
    batchDependent: side,
    textWeights: [NAMES.difficultyWeight, NAMES.relevanceWeight],
    penalties: { [NAMES.skill]: { l1: config.lambda_s }, [NAMES.difficultyWeight]: { l1: config.lambda_d } },
    prompts: false,
    normalised: false,

    forward(tape, inputs) {
      const { pairs, answers, users, chosen, rejected, margin, parameter, perUser, perUserGrad } = inputs
      const weights = { d: parameter(NAMES.difficultyWeight), r: parameter(NAMES.relevanceWeight) }
      const biases = { d: parameter(NAMES.difficultyBias), r: parameter(NAMES.relevanceBias) }
      const difficulty = tape.project(answers, weights.d, biases.d)
      const texts = tape.irtTexts(difficulty, tape.project(answers, weights.r, biases.r), sharpness, inputs.training)

      let centreChosen: number
      let centreRejected: number
      if (side) {
        centreChosen = tape.vector(K)
        centreRejected = tape.vector(K)
        tape.rowSums(difficulty, centreChosen, { weights: answers.chosenUses, over: pairs.n })
        tape.rowSums(difficulty, centreRejected, { weights: answers.rejectedUses, over: pairs.n })
      } else if (inputs.training) {
        centreChosen = centreRejected = tape.vector(K)
        tape.rowSums(difficulty, centreChosen, { weights: answers.uses, factor: 0.5, over: pairs.n })
      } else centreChosen = centreRejected = inputs.frozen('centre', K)

      const skill = tape.gather(perUser(NAMES.skill), users, pairs)
      const sides: IrtSides = { chosen, rejected, skill, centreChosen, centreRejected }
      tape.irtMargin(texts, sides, margin)

      const gDifficulty = tape.matrix(K, answers.axis)
      const gRelevance = tape.matrix(K, answers.axis)
      const gCentre = tape.vector(K)
      const gCentreRejected = tape.vector(K)
      return (g) => {
        if (side) {
          tape.irtMarginGrad(texts, sides, g, [gCentre, gCentreRejected], -1)
          tape.irtTextsGrad(texts, gDifficulty, gRelevance, [
            { gradient: gCentre, uses: answers.chosenUses },
            { gradient: gCentreRejected, uses: answers.rejectedUses },
          ])
        } else {
          tape.irtMarginGrad(texts, sides, g, [gCentre], -0.5)
          tape.irtTextsGrad(texts, gDifficulty, gRelevance, [{ gradient: gCentre, uses: answers.uses }])
        }
        tape.scatter(perUserGrad(NAMES.skill), [{ positions: users, g: skill }])
        tape.projectGrads([
          { texts: answers, g: gDifficulty, weight: weights.d, bias: biases.d },
          { texts: answers, g: gRelevance, weight: weights.r, bias: biases.r },
        ])
      }
    },

    freeze(value, meanAnswer) {
      if (side) return null
      const weight = value(NAMES.difficultyWeight)
      const bias = value(NAMES.difficultyBias)
      const mean = meanAnswer()
      const centre = Float32Array.from(bias, (b, k) => {
        let sum = b
        for (let d = 0; d < mean.length; d++) sum += weight[k * mean.length + d]! * mean[d]!
        return sum
      })
      return { centre }
    },
  }
}
