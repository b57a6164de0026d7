/** Columns of a reward table: rows of the split's `text_file`, and r* of that answer to that prompt. */
export const REWARD_TABLE_COLUMNS = ['prompt_emb_idx', 'answer_emb_idx', 'reward'] as const

/** Columns of a pairs file that hold r* of its own two answers. */
export const REWARD_PAIR_COLUMNS = ['chosen_reward', 'rejected_reward'] as const

/** Half of float32's largest number: the difference of two rewards stays finite as well. */
const MAX_REWARD = 1.7e38

export function isReward(value: number): boolean {
  return Math.abs(value) <= MAX_REWARD
}
