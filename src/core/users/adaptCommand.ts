import type { SplitFiles } from '../../shared/config/data'
import type { UsersQuestion } from '../../shared/domain/users'
import { quote } from '../service/command'

/** The command that fits new users as a window was asked to do. */
export function adaptCommand(
  run: string,
  files: SplitFiles,
  {
    user,
    choose,
    k,
    repeats,
    seed,
  }: Pick<Extract<UsersQuestion, { type: 'adapt' }>, 'user' | 'choose' | 'k' | 'repeats' | 'seed'>,
): string {
  const flags: [string, string | number][] = [
    ['input', files.df_file],
    ['text_file', files.text_file],
    ['emb_file', files.emb_file],
    ...(user === null ? [] : ([['user', user]] satisfies [string, string | number][])),
    ['choose', choose],
    ['k', k.join(',')],
    ['repeats', repeats],
    ['seed', seed],
  ]
  return [
    'npm run -s delta -- adapt',
    quote(run),
    ...flags.flatMap(([flag, value]) => [`--${flag}`, quote(String(value))]),
  ].join(' ')
}
