import type { Model1Config } from '../../../shared/config/models/model1'
import type { Sizes } from '../model'
import { throughDropout, type FusedModel } from '../fused'
import { USER, USER_PROJECTION, model1Parameters, usesFeatures } from './parameters'

/**
 * model1, see reference.ts. Both logits are ⟨x ⊙ y, u⟩ / √K of what is left after dropout; masks are drawn in the reference's
 * order: y, x, u of the chosen answer, then of the rejected one.
 */
export function model1Fused(config: Model1Config, sizes: Sizes): FusedModel {
  const K = config.n_dim
  const gated = usesFeatures(config, sizes)
  return {
    parameters: model1Parameters(config, sizes),
    batchDependent: false,
    textWeights: ['W_x.weight', 'W_y.weight'],
    penalties: {
      'W_x.weight': { l1: config.lambda_x },
      'W_y.weight': { l1: config.lambda_y },
      [`${USER_PROJECTION}.weight`]: { l1: config.lambda_r },
      ...(gated && { 'W_u.weight': { l1: config.lambda_u } }),
    },
    prompts: true,
    normalised: false,

    forward(tape, inputs) {
      const { pairs, answers, prompts, users, chosen, rejected, margin, parameter, perUser, perUserGrad } = inputs
      const linear = (name: string) => [parameter(`${name}.weight`), parameter(`${name}.bias`)] as const
      const norm = linear
      const [xWeight, xBias] = linear('W_x')
      const [yWeight, yBias] = linear('W_y')
      const userWeight = parameter(`${USER_PROJECTION}.weight`)
      const scale = inputs.constant(1 / Math.sqrt(K))

      const projected = tape.project(answers, yWeight, yBias)
      const x = tape.layerNorm(
        tape.gather(tape.project(prompts.texts, xWeight, xBias), prompts.rows, pairs),
        ...norm('ln_x'),
      )
      const embedding = tape.gather(perUser(USER), users, pairs)
      const user = tape.linear(embedding, userWeight)
      const features = gated ? inputs.features : null
      const gate = features && tape.layerNorm(tape.linear(features, ...linear('W_u')), ...norm('ln_u'))

      const logit = (positions: number, sign: 1 | -1) => {
        const y = tape.layerNorm(tape.gather(projected, positions, pairs), ...norm('ln_y'))
        const yDropped = inputs.dropout(y.out, config.dropout)
        const xDropped = inputs.dropout(x.out, config.dropout)
        const userDropped = inputs.dropout(user, config.dropout)
        const prompt = gate ? tape.multiply(xDropped.out, gate.out) : xDropped.out
        const product = tape.multiply(prompt, yDropped.out)
        tape.dot(product, userDropped.out, scale, sign, margin, sign < 0)
        /** Gradients of LN(y), of LN(x), of the user's factors and of the gate. */
        const backward = (g: typeof margin) => {
          const gProduct = tape.dotGrad(userDropped.out, scale, sign, g)
          const gUser = throughDropout(tape, tape.dotGrad(product, scale, sign, g), userDropped)
          const gY = throughDropout(tape, tape.multiply(gProduct, prompt), yDropped)
          const gPrompt = tape.multiply(gProduct, yDropped.out)
          const gGate = gate && tape.multiply(gPrompt, xDropped.out)
          const gX = throughDropout(tape, gate ? tape.multiply(gPrompt, gate.out) : gPrompt, xDropped)
          return { gY, gX, gUser, gGate, y }
        }
        return backward
      }
      const sides = [logit(chosen, 1), logit(rejected, -1)] as const

      const gProjected = tape.matrix(K, answers.axis)
      const gPrompts = tape.matrix(K, prompts.texts.axis)
      return (g) => {
        const [c, r] = [sides[0](g), sides[1](g)]
        const [xGain, xShift] = norm('ln_x')
        const [yGain, yShift] = norm('ln_y')
        // Both sides are added pair by pair before the sum: without dropout their bias gradients cancel exactly, and rounding
        // left there would become whole steps under Adam.
        tape.rowSums(c.gY, yGain.grad, { x: c.y.hat, and: { a: r.gY, x: r.y.hat } })
        tape.rowSums(c.gY, yShift.grad, { and: { a: r.gY } })
        tape.scatter(gProjected, [
          { positions: chosen, g: tape.layerNormGrad(c.gY, c.y, yGain) },
          { positions: rejected, g: tape.layerNormGrad(r.gY, r.y, yGain) },
        ])
        const gX = tape.combine(c.gX, r.gX, 1)
        tape.rowSums(gX, xGain.grad, { x: x.hat })
        tape.rowSums(gX, xShift.grad)
        tape.scatter(gPrompts, [{ positions: prompts.rows, g: tape.layerNormGrad(gX, x, xGain) }])
        if (gate && features && c.gGate && r.gGate) {
          const gGate = tape.combine(c.gGate, r.gGate, 1)
          const [gain, shift] = norm('ln_u')
          tape.rowSums(gGate, gain.grad, { x: gate.hat })
          tape.rowSums(gGate, shift.grad)
          tape.linearWeightGrad(tape.layerNormGrad(gGate, gate, gain), features, ...linear('W_u'))
        }
        const gUser = tape.combine(c.gUser, r.gUser, 1)
        tape.linearWeightGrad(gUser, embedding, userWeight)
        tape.scatter(perUserGrad(USER), [{ positions: users, g: tape.linearInputGrad(gUser, userWeight) }])
        tape.projectGrads([
          { texts: answers, g: gProjected, weight: yWeight, bias: yBias },
          { texts: prompts.texts, g: gPrompts, weight: xWeight, bias: xBias },
        ])
      }
    },
  }
}
