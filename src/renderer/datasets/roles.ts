import type { ImportRole } from '../../shared/domain/importing'

export const FORMATS = ['pairs', 'votes', 'ranked', 'ratings', 'best_of_n'] as const
export type GenericFormat = (typeof FORMATS)[number]

/** As docs/data-import.md has them: roles that a form of rows needs, and those that it may have. */
const ROLES: Readonly<Record<GenericFormat, { needed: readonly ImportRole[]; optional: readonly ImportRole[] }>> = {
  pairs: { needed: ['user', 'prompt', 'chosen', 'rejected'], optional: ['id'] },
  votes: { needed: ['prompt', 'answer_a', 'answer_b', 'vote'], optional: ['user', 'id'] },
  ranked: { needed: ['user', 'prompt', 'answers'], optional: ['ranks', 'id'] },
  ratings: { needed: ['user', 'prompt'], optional: ['answers', 'ratings', 'answer', 'rating', 'id'] },
  best_of_n: { needed: ['user', 'prompt', 'answers', 'best'], optional: ['id'] },
}

export function rolesOf(format: GenericFormat, neededAlone = false): readonly ImportRole[] {
  const { needed, optional } = ROLES[format]
  return neededAlone ? needed : [...needed, ...optional]
}

export const ROLE_TITLES: Readonly<Record<ImportRole, string>> = {
  user: 'User',
  prompt: 'Prompt',
  id: 'Id',
  chosen: 'Chosen answer',
  rejected: 'Rejected answer',
  answer: 'Answer',
  answers: 'List of answers',
  rating: 'Rating',
  ratings: 'List of ratings',
  ranks: 'List of ranks',
  best: 'Best answer',
  answer_a: 'First answer',
  answer_b: 'Second answer',
  vote: 'Vote',
}
