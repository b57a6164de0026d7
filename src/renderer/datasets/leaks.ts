import type { DatasetFilter } from '../../shared/domain/datasets'
import type { SplitName } from '../../shared/domain/dataset'
import type { StatsResult } from '../../shared/domain/preparation'
import { count, percent, plural } from './format'

export interface Finding {
  level: 'warning' | 'note'
  text: string
  /** What it means for a result. */
  why: string
  split: SplitName
  filters: DatasetFilter[]
}

/** What about the splits a person should know before believing a score, worst first. Every one leads to its rows. */
export function findingsOf({ splits, overlaps }: Pick<StatsResult, 'splits' | 'overlaps'>): Finding[] {
  const found: Finding[] = []
  for (const {
    splits: [first, second],
    users,
    prompts,
    samePairs,
    rowsWithSharedText,
  } of overlaps) {
    const shared = (what: 'pairs' | 'users' | 'prompts' | 'texts'): DatasetFilter[] => [
      { type: 'shared', what, with: first },
    ]
    if (samePairs > 0)
      found.push({
        level: 'warning',
        text: `${plural(samePairs, 'row')} of ${second} stand in ${first} as well`,
        why: 'The same user judges the same two answers: the evaluation has seen what it asks.',
        split: second,
        filters: shared('pairs'),
      })
    if (second === 'test_unseen' && users > 0)
      found.push({
        level: 'warning',
        text: `${plural(users, 'user')} of test_unseen are also in ${first}`,
        why: 'Unseen users are meant to be people whom training has never met.',
        split: second,
        filters: shared('users'),
      })
    if (prompts > 0 && first === 'train')
      found.push({
        level: 'note',
        text: `${plural(prompts, 'prompt')} of ${second} are also asked in ${first}`,
        why: `${plural(rowsWithSharedText, 'row')} of ${second} share a prompt or an answer with ${first}. That is right where other people judge the same questions, and a leak where new questions are meant.`,
        split: second,
        filters: shared('prompts'),
      })
  }
  for (const one of splits) {
    const own = (level: Finding['level'], n: number, text: string, why: string, filter: DatasetFilter): void => {
      if (n > 0) found.push({ level, text, why, split: one.split, filters: [filter] })
    }
    own(
      'warning',
      one.unusable,
      `${plural(one.unusable, 'row')} of ${one.split} cannot be used`,
      'A user or a text is missing; they are counted nowhere.',
      { type: 'unusable' },
    )
    own(
      'note',
      one.duplicates,
      `${plural(one.duplicates, 'row')} of ${one.split} repeat an earlier one`,
      'They count twice in every figure. Prepare… → Remove repetitions.',
      { type: 'duplicate' },
    )
    own(
      'note',
      one.conflicts,
      `${plural(one.conflicts, 'row')} of ${one.split} contradict an earlier one of the same user`,
      'No model can get both of them right.',
      { type: 'conflict' },
    )
    own(
      'note',
      one.chosenEqualsRejected,
      `${plural(one.chosenEqualsRejected, 'row')} of ${one.split} have two equal answers`,
      'There is nothing to prefer; they only add a constant to the loss.',
      { type: 'same_answer' },
    )
  }
  return [...found.filter(({ level }) => level === 'warning'), ...found.filter(({ level }) => level === 'note')]
}

/** What the ceiling of a predictor that ignores the user says, in a sentence. */
export function ceilingSentence(split: StatsResult['splits'][number]): string {
  if (split.pairs === 0) return 'There are no pairs.'
  if (split.reversed === 0)
    return `Nobody contradicts anybody in ${split.split}: a model that ignores the user can be right every time, so there is nothing for a personal one to win here.`
  return `${percent(split.reversed)} of the pairs of ${split.split} are also judged the other way round, so that a model which ignores the user is right for at most ${percent(split.userBlindCeiling)} of ${count(split.pairs)}. What a personal model gains lies above that.`
}
