import path from 'node:path'
import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import type { CreateDataset, Inspection } from '../../shared/domain/datasets'
import type { ImportFormat, ImportRole } from '../../shared/domain/importing'
import type { InspectedFile } from '../../shared/domain/preparation'

type Links = NonNullable<Inspection['link']>

/** What files most likely are together: what a wizard starts with, to be put right by a person. */
export function propose(files: readonly InspectedFile[], paths: readonly string[]): Omit<Inspection, 'files'> {
  return {
    configurations: files.flatMap(({ kind, file }) => (kind === 'configuration' ? [file] : [])),
    name: nameOf(files, paths),
    link: linkOf(files),
    imports: importOf(files),
  }
}

function nameOf(files: readonly InspectedFile[], paths: readonly string[]): string {
  const first = paths[0] ?? files[0]?.file ?? ''
  const own =
    files.length === 1
      ? path.parse(first).name
      : path.basename(path.extname(first) === '' ? first : path.dirname(first))
  return (
    own
      .replaceAll(/[^\p{L}\p{N}_.-]+/gu, '-')
      .replace(/^[^\p{L}\p{N}_]+/u, '')
      .slice(0, 60) || 'data'
  )
}

/** `df_test_unseen.parquet` → test_unseen; undefined where the name says nothing. */
export function splitOf(file: string): SplitName | undefined {
  const name = path.parse(file).name.toLowerCase()
  if (/unseen/.test(name)) return 'test_unseen'
  if (/(^|[^a-z])test([^a-z]|$)/.test(name)) return 'test'
  if (/(^|[^a-z])(dev|val|valid|validation|eval)([^a-z]|$)/.test(name)) return 'dev'
  return /(^|[^a-z])train(ing)?([^a-z]|$)/.test(name) ? 'train' : undefined
}

function linkOf(files: readonly InspectedFile[]): Links | null {
  const of = (kind: InspectedFile['kind']): InspectedFile[] => files.filter((one) => one.kind === kind)
  const pairs = of('pairs')
  const links: Links = {}
  for (const [i, one] of pairs.entries()) {
    const split = splitOf(one.file) ?? (pairs.length === 1 || (i === 0 && !links.train) ? 'train' : undefined)
    // The first of several candidates; the others can be chosen by hand.
    if (split === undefined || links[split]) continue
    const texts = partner(of('texts'), split, undefined)
    const vectors = partner(of('vectors'), split, texts?.rows)
    const counts = partner(of('counts'), split, undefined)
    links[split] = {
      df_file: one.file,
      ...(texts && { text_file: texts.file }),
      ...(vectors && { emb_file: vectors.file }),
      ...(counts && { bow_file: counts.file }),
    }
  }
  return links.train ? links : null
}

/** The file of the same split, or one that belongs to all; of a fitting length where one is known. */
function partner(
  files: readonly InspectedFile[],
  split: SplitName,
  rows: number | undefined,
): InspectedFile | undefined {
  const fits = files.filter((one) => rows === undefined || one.rows === rows)
  return fits.find(({ file }) => splitOf(file) === split) ?? fits.find(({ file }) => splitOf(file) === undefined)
}

/** Names by which others call a column, best first; `_` and case do not matter. */
const ALIASES: Readonly<Record<ImportRole, readonly string[]>> = {
  user: [
    'u_id',
    'user_id',
    'user',
    'userid',
    'worker_id',
    'worker',
    'annotator_id',
    'annotator',
    'rater',
    'labeler',
    'judge',
    'persona_chosen',
    'persona',
    'participant',
  ],
  prompt: ['prompt', 'question', 'instruction', 'user_prompt', 'input', 'context', 'query', 'topic_question'],
  id: ['id', 'pair_id', 'question_id', 'utterance_id'],
  chosen: ['chosen', 'preferred', 'winner_text', 'winner', 'better', 'accepted', 'answer_chosen', 'response_chosen'],
  rejected: ['rejected', 'loser_text', 'loser', 'worse', 'answer_rejected', 'response_rejected'],
  answer: ['answer', 'response', 'completion', 'model_response', 'output'],
  answers: ['answers', 'responses', 'completions', 'outputs'],
  rating: ['rating', 'score', 'stars'],
  ratings: ['ratings', 'scores'],
  ranks: ['ranks', 'rank', 'ranking'],
  best: ['best', 'choice', 'best_answer'],
  answer_a: ['answer_a', 'response_a', 'completion_a', 'output_1', 'option_a', 'text_a', 'a'],
  answer_b: ['answer_b', 'response_b', 'completion_b', 'output_2', 'option_b', 'text_b', 'b'],
  vote: ['vote', 'votes', 'preference', 'label', 'winner'],
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

function importOf(files: readonly InspectedFile[]): Inspection['imports'] {
  const table = files.find(({ kind }) => kind === 'table' || kind === 'pairs')?.table
  if (!table) return null
  const names = table.columns.map(({ name }) => name)
  const find = (role: ImportRole): string | undefined => {
    for (const alias of ALIASES[role]) {
      const found = names.find((name) => plain(name) === plain(alias))
      if (found !== undefined) return found
    }
    return undefined
  }
  const format = formatOf((role) => find(role) !== undefined)
  const columns: Partial<Record<ImportRole, string>> = {}
  const taken = new Set<string>()
  for (const role of FORMAT_ROLES[format]) {
    const name = find(role)
    if (name === undefined || taken.has(name)) continue
    columns[role] = name
    taken.add(name)
  }
  return { format, columns }
}

export type GenericFormat = Extract<ImportFormat, 'pairs' | 'ranked' | 'ratings' | 'best_of_n' | 'votes'>

/** The roles that each form of rows has. */
export const FORMAT_ROLES: Readonly<Record<GenericFormat, readonly ImportRole[]>> = {
  pairs: ['user', 'prompt', 'chosen', 'rejected', 'id'],
  votes: ['prompt', 'answer_a', 'answer_b', 'vote', 'user', 'id'],
  ranked: ['user', 'prompt', 'answers', 'ranks', 'id'],
  ratings: ['user', 'prompt', 'answers', 'ratings', 'answer', 'rating', 'id'],
  best_of_n: ['user', 'prompt', 'answers', 'best', 'id'],
}

function formatOf(has: (role: ImportRole) => boolean): GenericFormat {
  if (has('chosen') && has('rejected')) return 'pairs'
  if (has('answer_a') && has('answer_b') && has('vote')) return 'votes'
  if (has('answers') && has('best')) return 'best_of_n'
  if ((has('answers') && has('ratings')) || (has('answer') && has('rating'))) return 'ratings'
  return has('answers') ? 'ranked' : 'pairs'
}

/** The same request, every path in it put through `real`. */
export function withFiles(request: CreateDataset, real: (file: string) => string): CreateDataset {
  if (request.how === 'import') return { ...request, inputs: request.inputs.map(real) }
  const splits = SPLIT_NAMES.flatMap((split) => {
    const files = request.splits[split]
    if (!files) return []
    const { df_file, ...others } = files
    const rest = Object.fromEntries(Object.entries(others).map(([key, file]) => [key, real(file)]))
    return [[split, { df_file: real(df_file), ...rest }]]
  })
  const { vocab_file } = request
  return {
    ...request,
    splits: Object.fromEntries(splits),
    ...(vocab_file !== undefined && { vocab_file: real(vocab_file) }),
  }
}
