import path from 'node:path'
import { AppError } from '../../../shared/errors'
import { idOf, numberOf, textOf, userOf, without, type Adapter, type AdapterContext } from '../adapter'
import type { Place, SourceRecord } from '../records'

const REWARD_DATA = new Set(['user_input', 'completion_a', 'completion_b'])
const ANNOTATIONS = new Set(['instruction', 'input', 'output_1', 'output_2', 'preference'])

/**
 * Personalized Soups (Jang et al., 2023; github.com/joeljang/RLPHF). Its reward-model data has `user_input`,
 * `completion_a` (preferred) and `completion_b`; its annotations have AlpacaFarm's `instruction`, `input`, `output_1`,
 * `output_2` and `preference` (1 or 2). The judge is a preference, P1A to P3D: `--user` names its column, or it stands in
 * the file's name.
 */
export function psoupsAdapter(context: AdapterContext): Adapter {
  const { options, tally, emit } = context
  return {
    record(record, place) {
      const { user: column, id: idColumn } = options.columns
      const who = column === undefined ? preferenceIn(place) : record[column]
      const user = userOf(who, place, tally)
      if (user === undefined) return
      const judged = Object.hasOwn(record, 'completion_a') ? rewardData(record) : annotation(record)
      const id = idColumn === undefined ? undefined : idOf(record[idColumn])
      const own = new Set([
        ...judged.taken,
        ...(column === undefined ? [] : [column]),
        ...(idColumn === undefined ? [] : [idColumn]),
      ])
      if (judged.prompt === undefined) return tally.add('no_prompt', place, 'the prompt is missing or no text')
      if (judged.chosen === undefined || judged.rejected === undefined)
        return tally.add(judged.fault ?? 'no_answer', place, judged.message ?? 'an answer is missing or no text')
      emit(
        {
          user,
          prompt: judged.prompt,
          chosen: judged.chosen,
          rejected: judged.rejected,
          ...(id !== undefined && { id }),
          metadata: without(record, own),
        },
        place,
      )
    },
  }
}

interface Judged {
  prompt: string | undefined
  chosen: string | undefined
  rejected: string | undefined
  taken: ReadonlySet<string>
  fault?: 'tie' | 'bad_value'
  message?: string
}

function rewardData(record: SourceRecord): Judged {
  return {
    prompt: textOf(record['user_input']),
    chosen: textOf(record['completion_a']),
    rejected: textOf(record['completion_b']),
    taken: REWARD_DATA,
  }
}

function annotation(record: SourceRecord): Judged {
  const instruction = textOf(record['instruction'])
  const input = textOf(record['input'])
  const prompt = instruction !== undefined && input !== undefined ? `${instruction}\n\n${input}` : instruction
  const [first, second] = [textOf(record['output_1']), textOf(record['output_2'])]
  const base = { prompt, taken: ANNOTATIONS, chosen: undefined, rejected: undefined }
  if (first === undefined || second === undefined) return base
  switch (numberOf(record['preference'])) {
    case 1:
      return { ...base, chosen: first, rejected: second }
    case 2:
      return { ...base, chosen: second, rejected: first }
    case 0:
      return { ...base, fault: 'tie', message: 'both outputs were judged equal' }
    default:
      return { ...base, fault: 'bad_value', message: 'preference is neither 1 nor 2' }
  }
}

function preferenceIn(place: Place): string {
  const found = /(?:^|[^a-z0-9])(?:pref|P)?_?([123][A-D])(?![a-z0-9])/i.exec(path.basename(place.file))
  if (found) return `P${found[1]!.toUpperCase()}`
  throw new AppError('data_invalid', 'Nothing says whose preference this is', {
    file: place.file,
    fix: 'Name its column with --user, or give the file a name with the preference in it: rm_P1A.json.',
  })
}
