import { CELL_CHARACTERS } from '../../shared/domain/browse'
import type { UserPair } from '../../shared/domain/userPairs'
import type { Contribution } from '../../shared/domain/users'
import type { Evaluation } from '../backends/execution'
import type { ExplainedPairs, ExplainedSide } from '../backends/tfjs/tfjsExecution'
import type { PairSplit } from '../data/dataset'
import type { Category } from '../evaluate/categories'
import type { SplitTexts } from './splitTexts'

/** A split as the run's model and the yardstick see it. */
export interface SplitView {
  split: PairSplit
  margins: Evaluation
  /** [pairs] margins of `bt`; undefined where it diverged. */
  baseline: Float32Array | undefined
  categories: readonly Category[]
}

export const probability = (z: number): number => 1 / (1 + Math.exp(-z))

/** A pair as a list shows it: texts are cut. */
export function pairAt({ split, margins, baseline }: SplitView, texts: SplitTexts, at: number): UserPair {
  const z = margins.z[at]!
  return {
    row: at,
    id: split.ids?.[at] ?? at,
    prompt: texts.at(split.prompts[at]!, CELL_CHARACTERS),
    chosen: texts.at(split.chosen[at]!, CELL_CHARACTERS),
    rejected: texts.at(split.rejected[at]!, CELL_CHARACTERS),
    ...{ z, p: probability(z), r_diff: margins.rewardMargin[at]!, delta_diff: margins.deltaMargin[at]! },
    baseline_right: baseline ? baseline[at]! > 0 : null,
  }
}

/** The dimensions of the first of the explained pairs. */
export function contributions({ dimensions, user, chosen, rejected }: ExplainedPairs): Contribution[] {
  const side = ({ load, difficulty }: ExplainedSide, k: number): Contribution['chosen'] => ({
    load: load[k]!,
    difficulty: difficulty?.[k] ?? null,
  })
  return Array.from({ length: dimensions }, (_, k) => {
    const [own, winner, loser] = [user[k]!, side(chosen, k), side(rejected, k)]
    const part = ({ load, difficulty }: Contribution['chosen']): number => load * (own - (difficulty ?? 0))
    return { user: own, chosen: winner, rejected: loser, contribution: part(winner) - part(loser) }
  })
}
