import * as tf from '@tensorflow/tfjs-core'
import { stepFigures } from '../../metrics/figures'
import type { Tensors } from '../../models/model'
import type { StepFigures } from '../execution'

/** What a step's figures are made of, still where it was computed: reading waits for the device. */
export interface MeasuredStep {
  /** [B] r*_w − r*_l. */
  rewardMargin: Float32Array
  /** [B] δ_w − δ_l. */
  delta: tf.Tensor
  penalty: tf.Tensor
  terms: Tensors
}

/** Keeps a step's tensors beyond the tidy that they were made in. */
export function keepFigures(step: MeasuredStep): MeasuredStep {
  for (const tensor of tensorsOf(step)) tf.keep(tensor)
  return step
}

/** Figures of steps, all of them by two transfers, and disposes of what they were kept in. */
export async function readFigures(steps: readonly MeasuredStep[]): Promise<StepFigures[]> {
  if (steps.length === 0) return []
  const [deltas, scalars] = tf.tidy(() => [
    tf.concat(steps.map(({ delta }) => delta)),
    tf.stack(steps.flatMap(({ penalty, terms }) => [penalty, ...Object.values(terms)])),
  ])
  const [margins, numbers] = await Promise.all([deltas!.data<'float32'>(), scalars!.data<'float32'>()])
  tf.dispose([deltas!, scalars!])
  disposeFigures(steps)
  let pair = 0
  let scalar = 0
  return steps.map(({ rewardMargin, terms }) =>
    stepFigures({
      deltaMargin: margins.subarray(pair, (pair += rewardMargin.length)),
      rewardMargin,
      reg_loss: numbers[scalar++]!,
      terms: Object.fromEntries(Object.keys(terms).map((name) => [name, numbers[scalar++]!])),
    }),
  )
}

export function disposeFigures(steps: readonly MeasuredStep[]): void {
  tf.dispose(steps.flatMap(tensorsOf))
}

const tensorsOf = ({ delta, penalty, terms }: MeasuredStep): tf.Tensor[] => [delta, penalty, ...Object.values(terms)]
