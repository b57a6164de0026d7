import { SPLIT_METRICS, type MetricPrefix } from '../../shared/domain/metric'
import type { Evaluation, StepFigures } from '../backends/execution'

/** softplus(−z) = log(1 + e^−z), without overflow. */
export function softplusOfMinus(z: number): number {
  return z > 0 ? Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z)) - z
}

/** The preference loss and its accuracies over some pairs, in float64. A tie counts as wrong. */
export function stepFigures({ deltaMargin, rewardMargin, reg_loss, terms }: Omit<Evaluation, 'z'>): StepFigures {
  const rows = deltaMargin.length
  let loss = 0
  let right = 0
  let rightReward = 0
  let rightDelta = 0
  for (let i = 0; i < rows; i++) {
    const delta = deltaMargin[i]!
    const reward = rewardMargin[i]!
    const z = reward + delta
    loss += softplusOfMinus(z)
    if (z > 0) right++
    if (reward > 0) rightReward++
    if (delta > 0) rightDelta++
  }
  const bt_loss = loss / rows
  const own = Object.values(terms).reduce((a, b) => a + b, 0)
  return {
    rows,
    loss: bt_loss + reg_loss + own,
    bt_loss,
    reg_loss,
    acc: right / rows,
    acc_r_star: rightReward / rows,
    acc_delta: rightDelta / rows,
    terms,
  }
}

/** Figures of a split or an epoch, ready to be logged: the loss's own and the model's terms. */
export type Figures = Omit<StepFigures, 'rows'>

/** An epoch's figures: the mean over its rows, so that a short last batch weighs what it holds. */
export function meanFigures(steps: readonly StepFigures[]): Figures {
  const rows = steps.reduce((sum, step) => sum + step.rows, 0)
  const mean = (value: (step: StepFigures) => number): number =>
    steps.reduce((sum, step) => sum + value(step) * step.rows, 0) / rows
  return {
    loss: mean(({ loss }) => loss),
    bt_loss: mean(({ bt_loss }) => bt_loss),
    reg_loss: mean(({ reg_loss }) => reg_loss),
    acc: mean(({ acc }) => acc),
    acc_r_star: mean(({ acc_r_star }) => acc_r_star),
    acc_delta: mean(({ acc_delta }) => acc_delta),
    terms: Object.fromEntries(
      Object.keys(steps[0]?.terms ?? {}).map((name) => [name, mean(({ terms }) => terms[name] ?? 0)]),
    ),
  }
}

/** `{val_loss, val_acc, …}`: figures under the names by which they are logged. */
export function logged(prefix: MetricPrefix, figures: Figures): Record<string, number> {
  return Object.fromEntries([
    ...SPLIT_METRICS.map((name): [string, number] => [`${prefix}_${name}`, figures[name]]),
    ...Object.entries(figures.terms).map(([name, value]): [string, number] => [`${prefix}_${name}`, value]),
  ])
}

/** Logged figures with `<split>_lift` = acc − acc_r_star for every split among them: what the model adds to r*. */
export function withLift(figures: Readonly<Record<string, number>>): Record<string, number> {
  const lifts = Object.entries(figures).flatMap(([name, reward]): [string, number][] => {
    const split = /^(\w+)_acc_r_star$/.exec(name)?.[1]
    const acc = split === undefined ? undefined : figures[`${split}_acc`]
    return acc === undefined ? [] : [[`${split}_lift`, acc - reward]]
  })
  return { ...figures, ...Object.fromEntries(lifts) }
}
