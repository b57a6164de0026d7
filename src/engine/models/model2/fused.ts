import type { Model2Config } from '../../../shared/config/models/model2'
import type { Matrix, Tape, TextList } from '../../kernels/tape'
import { throughDropout, type FusedInputs, type FusedModel } from '../fused'
import type { Sizes } from '../model'
import { SCALE, SCALE_RANGE, USER, USER_PROJECTION, model2Parameters } from './parameters'

/** One use of a text's projection, and what its gradient leaves at each pair. */
interface Use {
  out: Matrix
  backward: (g: Matrix) => void
}

/**
 * model2, see reference.ts. The wide first layer is computed once for each distinct text; from the first dropout on
 * everything is computed for each pair, in the reference's order: prompt, answer, joint network, user, of the chosen
 * answer and then of the rejected one.
 */
export function model2Fused(config: Model2Config, sizes: Sizes): FusedModel {
  const K = config.n_dim
  const gated = config.feature_mode === 'gate'
  return {
    parameters: model2Parameters(config, sizes),
    batchDependent: false,
    textWeights: ['proj_x.0.weight', 'proj_y.0.weight'],
    penalties: { [USER]: { l2: config.lambda_uid_l2 }, [`${USER_PROJECTION}.weight`]: { l2: config.lambda_w2_id } },
    prompts: true,
    normalised: true,
    maxUserNorm: config.user_max_norm,

    forward(tape, inputs) {
      const { pairs, answers, prompts, users, chosen, rejected, margin, parameter, perUser, perUserGrad } = inputs
      const pair = (name: string) => [parameter(`${name}.weight`), parameter(`${name}.bias`)] as const
      const table = perUser(USER)
      if (inputs.training) tape.renormalise(table, table.axis.stride, config.user_max_norm, { users, n: pairs.n })
      const scale = tape.vector(1)
      const factor = 1 / Math.sqrt(K)
      tape.clampScale(parameter(SCALE), scale, SCALE_RANGE, factor)

      const prompt = projection(tape, inputs, 'proj_x', prompts.texts, config)
      const answer = projection(tape, inputs, 'proj_y', answers, config)
      const embedding = tape.gather(table, users, pairs)
      const userWeight = parameter(`${USER_PROJECTION}.weight`)
      const user = tape.linear(embedding, userWeight)
      const features = gated ? inputs.features : null
      const gate = features && tape.layerNorm(tape.linear(features, ...pair('W_u')), ...pair('ln_u'))

      const logit = (positions: number, sign: 1 | -1) => {
        const px = prompt.at(prompts.rows)
        const x = tape.layerNorm(px.out, ...pair('ln_x'))
        const xDropped = inputs.dropout(x.out, config.dropout)
        const py = answer.at(positions)
        const y = tape.layerNorm(py.out, ...pair('ln_y'))
        const yDropped = inputs.dropout(y.out, config.dropout)
        const both = tape.matrix(2 * K, pairs)
        const zero = tape.matrix(K, pairs)
        const left = tape.rowsOf(both, 0, K)
        if (gate) tape.multiply(xDropped.out, gate.out, { out: left, add: false })
        else tape.combine(xDropped.out, zero, 0, left)
        tape.combine(yDropped.out, zero, 0, tape.rowsOf(both, K, K))
        const first = tape.linear(both, ...pair('xy.0'))
        const hidden = inputs.dropout(tape.gelu(first), config.dropout)
        const joined = tape.layerNorm(tape.linear(hidden.out, ...pair('xy.3')), ...pair('ln_xy'))
        const joinedDropped = inputs.dropout(joined.out, config.dropout)
        const f = tape.l2Norm(joinedDropped.out)
        const userDropped = inputs.dropout(user, config.user_dropout)
        const r = tape.l2Norm(userDropped.out)
        tape.dot(f.out, r.out, scale, sign, margin, sign < 0)

        /** Sets the gradients of what stands behind the joint network, or adds to them, and returns the others. */
        const backward = (g: Matrix) => {
          const add = sign < 0
          const gUser = throughDropout(tape, tape.l2NormGrad(tape.dotGrad(f.out, scale, sign, g), r), userDropped)
          const gJoined = throughDropout(tape, tape.l2NormGrad(tape.dotGrad(r.out, scale, sign, g), f), joinedDropped)
          const [joinedGain] = pair('ln_xy')
          const gSecond = tape.layerNormGrad(gJoined, joined, joinedGain)
          const [second] = pair('xy.3')
          tape.linearWeightGrad(gSecond, hidden.out, ...pair('xy.3'), add)
          const gFirst = throughDropout(tape, tape.linearInputGrad(gSecond, second), hidden)
          tape.geluGrad(first, gFirst)
          tape.linearWeightGrad(gFirst, both, ...pair('xy.0'), add)
          const gBoth = tape.linearInputGrad(gFirst, pair('xy.0')[0])
          const gLeft = tape.rowsOf(gBoth, 0, K)
          const gGate = gate && tape.multiply(gLeft, xDropped.out)
          const gX = throughDropout(tape, gate ? tape.multiply(gLeft, gate.out) : gLeft, xDropped)
          const gY = throughDropout(tape, tape.rowsOf(gBoth, K, K), yDropped)
          px.backward(tape.layerNormGrad(gX, x, pair('ln_x')[0]))
          py.backward(tape.layerNormGrad(gY, y, pair('ln_y')[0]))
          return { gX, gY, gJoined, gGate, gUser, x, y, joined }
        }
        return backward
      }
      const sides = [logit(chosen, 1), logit(rejected, -1)] as const

      return (g) => {
        tape.clampScaleGrad(parameter(SCALE), scale, SCALE_RANGE, factor, g, margin)
        const [c, r] = [sides[0](g), sides[1](g)]
        const normGrad = (name: string, a: Matrix, hatA: Matrix, b: Matrix, hatB: Matrix): void => {
          const [gain, shift] = pair(name)
          tape.rowSums(a, gain.grad, { x: hatA, and: { a: b, x: hatB } })
          tape.rowSums(a, shift.grad, { and: { a: b } })
        }
        normGrad('ln_x', c.gX, c.x.hat, r.gX, r.x.hat)
        normGrad('ln_y', c.gY, c.y.hat, r.gY, r.y.hat)
        normGrad('ln_xy', c.gJoined, c.joined.hat, r.gJoined, r.joined.hat)
        if (gate && features && c.gGate && r.gGate) {
          const [gain] = pair('ln_u')
          normGrad('ln_u', c.gGate, gate.hat, r.gGate, gate.hat)
          const gGate = tape.combine(c.gGate, r.gGate, 1)
          tape.linearWeightGrad(tape.layerNormGrad(gGate, gate, gain), features, ...pair('W_u'))
        }
        const gUser = tape.combine(c.gUser, r.gUser, 1)
        tape.linearWeightGrad(gUser, embedding, userWeight)
        tape.scatter(perUserGrad(USER), [{ positions: users, g: tape.linearInputGrad(gUser, userWeight) }])
        prompt.backward()
        answer.backward()
      }
    },
  }
}

/**
 * P of a batch's distinct texts, taken at pairs: Linear, GELU, dropout, Linear. With dropout the second layer is computed for
 * each pair, since every use has its own mask; without, once for each text.
 */
function projection(
  tape: Tape,
  inputs: FusedInputs,
  name: string,
  texts: TextList,
  { proj_dropout }: Model2Config,
): { at(positions: number): Use; backward(): void } {
  const { pairs, parameter } = inputs
  const wide = [parameter(`${name}.0.weight`), parameter(`${name}.0.bias`)] as const
  const narrow = [parameter(`${name}.3.weight`), parameter(`${name}.3.bias`)] as const
  const [wideWeight, wideBias] = wide
  const [narrowWeight] = narrow
  const first = tape.project(texts, wideWeight, wideBias)
  const hidden = tape.gelu(first)
  const uses: { positions: number; g: Matrix }[] = []

  if (inputs.training && proj_dropout > 0) {
    const gHidden = tape.matrix(hidden.rows, texts.axis)
    return {
      at(positions) {
        const dropped = inputs.dropout(tape.gather(hidden, positions, pairs), proj_dropout)
        return {
          out: tape.linear(dropped.out, ...narrow),
          backward(g) {
            tape.linearWeightGrad(g, dropped.out, ...narrow, uses.length > 0)
            uses.push({ positions, g: throughDropout(tape, tape.linearInputGrad(g, narrowWeight), dropped) })
          },
        }
      },
      backward() {
        tape.scatter(gHidden, uses)
        tape.geluGrad(first, gHidden)
        tape.projectGrad(texts, gHidden, wideWeight, wideBias)
      },
    }
  }
  const clean = tape.linear(hidden, ...narrow)
  const gClean = tape.matrix(clean.rows, texts.axis)
  return {
    at: (positions) => ({
      out: tape.gather(clean, positions, pairs),
      backward: (g) => void uses.push({ positions, g }),
    }),
    backward() {
      tape.scatter(gClean, uses)
      tape.linearWeightGrad(gClean, hidden, ...narrow)
      const gHidden = tape.linearInputGrad(gClean, narrowWeight)
      tape.geluGrad(first, gHidden)
      tape.projectGrad(texts, gHidden, wideWeight, wideBias)
    },
  }
}
