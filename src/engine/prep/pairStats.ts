import type { z } from 'zod'
import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import type { Lengths, LengthStats, SplitStats, StatsResult, statsTaskSchema } from '../../shared/domain/preparation'
import { quantile } from '../statistics/resample'
import { TEXT_COLUMNS } from '../data/features'
import { UserRegistry } from '../data/registry'
import { overlapsOf, PairCodes, samePairs } from './overlaps'
import { BatchColumns, isFault, pairRow, requireColumns } from './pairRows'
import { readPairs, type PassOptions } from './readPairs'
import { Codes, Numbers } from './textCodes'
import { countWords } from './words'

type StatsTask = z.infer<typeof statsTaskSchema>

/** Longer lists say nothing more. */
const MOST_TOPICS = 50

/** What all splits number together, so that they can be compared. */
interface Shared {
  users: UserRegistry
  texts: Codes
  /** [texts] characters, and words. */
  lengths: Numbers
  words: Numbers
  pairs: PairCodes
  splitOf: Numbers
}

/** Describes the pairs of every split, and what the splits have in common: about 40 bytes a row are held. */
export async function pairStats(task: StatsTask, options: PassOptions = {}): Promise<StatsResult> {
  const shared: Shared = {
    users: new UserRegistry(),
    texts: new Codes(),
    lengths: new Numbers(),
    words: new Numbers(),
    pairs: new PairCodes(),
    splitOf: new Numbers(),
  }
  const read: { split: SplitName; from: number; to: number; unusable: number; topics: Map<string, number> }[] = []
  for (const { split, file } of task.splits) {
    const from = shared.pairs.rows
    const { unusable, topics } = await readSplit(split, file, task, shared, options)
    read.push({ split, from, to: shared.pairs.rows, unusable, topics })
  }
  const judged = samePairs(shared.pairs)
  return {
    task: 'stats',
    splits: read.map(({ from, to, ...rest }) => ({
      ...rest,
      ...describe(shared, judged, from, to),
      ...topicsOf(rest.topics),
    })),
    overlaps: overlapsOf(shared.pairs, Int8Array.from(shared.splitOf.values)),
  }
}

async function readSplit(
  split: SplitName,
  file: string,
  { user, topic }: StatsTask,
  shared: Shared,
  options: PassOptions,
): Promise<{ unusable: number; topics: Map<string, number> }> {
  const { users, texts, lengths, words, pairs, splitOf } = shared
  const topics = new Map<string, number>()
  let unusable = 0
  let checked = false
  const code = (text: string): number => {
    const number = texts.text(text)
    if (number === lengths.length) {
      lengths.push(text.length)
      words.push(countWords(text))
    }
    return number
  }
  await readPairs(file, {
    ...options,
    verb: `read of ${split}`,
    onBatch: (batch) => {
      if (!checked) requireColumns(file, batch.columns, [user, ...TEXT_COLUMNS])
      checked = true
      const columns = new BatchColumns(batch)
      for (let i = 0; i < batch.rows; i++) {
        const row = pairRow(columns, i, user)
        if (isFault(row)) {
          unusable++
          continue
        }
        pairs.push(users.codeOf(row.user), code(row.prompt), code(row.chosen), code(row.rejected))
        splitOf.push(SPLIT_NAMES.indexOf(split))
        const about = columns.at(topic, i)
        if (about !== null && about !== undefined) topics.set(String(about), (topics.get(String(about)) ?? 0) + 1)
      }
    },
    onMalformed: () => unusable++,
  })
  return { unusable, topics }
}

function topicsOf(topics: ReadonlyMap<string, number>): Pick<SplitStats, 'topics' | 'moreTopics'> {
  const sorted = [...topics].sort((a, b) => b[1] - a[1]).map(([topic, pairs]) => ({ topic, pairs }))
  return { topics: sorted.slice(0, MOST_TOPICS), moreTopics: Math.max(0, sorted.length - MOST_TOPICS) }
}

type Described = Omit<SplitStats, 'split' | 'unusable' | 'topics' | 'moreTopics'>

function describe({ pairs, lengths, words }: Shared, judged: Int32Array, from: number, to: number): Described {
  const rows = to - from
  const users = new Map<number, number>()
  const prompts = new Set<number>()
  const answers = new Set<number>()
  let longer = 0
  let equal = 0
  for (let i = from; i < to; i++) {
    const [prompt, chosen, rejected] = [pairs.prompts.at(i), pairs.chosen.at(i), pairs.rejected.at(i)]
    users.set(pairs.users.at(i), (users.get(pairs.users.at(i)) ?? 0) + 1)
    prompts.add(prompt)
    answers.add(chosen).add(rejected)
    if (chosen === rejected) equal++
    const difference = lengths.at(chosen) - lengths.at(rejected)
    longer += difference > 0 ? 1 : difference === 0 ? 0.5 : 0
  }
  const side = (column: Numbers): Lengths => {
    const texts = column.values.subarray(from, to)
    const of = (numbers: Numbers): LengthStats => lengthsOf(Float64Array.from(texts, (text) => numbers.at(text)))
    return { ...of(lengths), words: of(words) }
  }
  return {
    pairs: rows,
    users: users.size,
    prompts: prompts.size,
    answers: answers.size,
    texts: new Set([...prompts, ...answers]).size,
    pairsPerUser: perUser([...users.values()]),
    lengths: { prompt: side(pairs.prompts), chosen: side(pairs.chosen), rejected: side(pairs.rejected) },
    chosenLonger: rows === 0 ? 0 : longer / rows,
    ...votes(pairs, judged, from, to),
    chosenEqualsRejected: equal,
  }
}

/** How far judgments of the same two answers agree, between users and within one. */
function votes(
  pairs: PairCodes,
  judged: Int32Array,
  from: number,
  to: number,
): Pick<SplitStats, 'reversed' | 'userBlindCeiling' | 'duplicates' | 'conflicts'> {
  /** By question (prompt and two answers): judgments for the lower numbered answer, and for the other. */
  const questions = new Codes()
  const lower = new Numbers()
  const higher = new Numbers()
  const questionOf = new Numbers()
  const own = new Map<number, number>()
  let duplicates = 0
  let conflicts = 0
  for (let i = from; i < to; i++) {
    const [chosen, rejected] = [pairs.chosen.at(i), pairs.rejected.at(i)]
    const question = questions.tuple(pairs.prompts.at(i), Math.min(chosen, rejected), Math.max(chosen, rejected))
    if (question === lower.length) {
      lower.push(0)
      higher.push(0)
    }
    const low = chosen < rejected
    if (low) lower.values[question]!++
    else if (chosen > rejected) higher.values[question]!++
    questionOf.push(question)
    const bit = low ? 1 : 2
    const seen = own.get(judged[i]!) ?? 0
    if (seen & bit) duplicates++
    else if (seen !== 0) conflicts++
    own.set(judged[i]!, seen | bit)
  }
  let reversed = 0
  for (let i = from; i < to; i++) {
    const question = questionOf.at(i - from)
    const low = pairs.chosen.at(i) < pairs.rejected.at(i)
    if ((low ? higher : lower).at(question) > 0 && pairs.chosen.at(i) !== pairs.rejected.at(i)) reversed++
  }
  let right = 0
  for (let q = 0; q < questions.size; q++) right += Math.max(lower.at(q), higher.at(q))
  const rows = to - from
  return {
    reversed: rows === 0 ? 0 : reversed / rows,
    // A pair of one text with itself ties, and a tie is wrong: it counts in nobody's favour.
    userBlindCeiling: rows === 0 ? 0 : right / rows,
    duplicates,
    conflicts,
  }
}

function lengthsOf(values: Float64Array): LengthStats {
  if (values.length === 0) return { mean: 0, median: 0, p95: 0, max: 0, histogram: [] }
  values.sort()
  return {
    mean: values.reduce((a, b) => a + b, 0) / values.length,
    median: quantile(values, 0.5),
    p95: quantile(values, 0.95),
    max: values.at(-1)!,
    histogram: lengthHistogram(values),
  }
}

/** As many as a small chart shows. */
const MOST_BINS = 24

/** Bins of a round width up to the 99th percentile; what is longer is in the last one, so that a few giants do not hide the rest. */
function lengthHistogram(sorted: Float64Array): LengthStats['histogram'] {
  const [lowest, longest] = [sorted[0]!, sorted.at(-1)!]
  const width = roundWidth((quantile(sorted, 0.99) - lowest + 1) / MOST_BINS)
  const first = Math.floor(lowest / width)
  const last = Math.floor(quantile(sorted, 0.99) / width)
  const counts = new Array<number>(last - first + 1).fill(0)
  for (const value of sorted) counts[Math.min(Math.floor(value / width), last) - first]!++
  return counts.map((pairs, i) => {
    const from = (first + i) * width
    return { from, to: i === counts.length - 1 ? Math.max(longest, from + width - 1) : from + width - 1, pairs }
  })
}

/** The next of 1, 2, 5, 10, 20, 50, … */
function roundWidth(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)))
  return power * ([1, 2, 5, 10].find((step) => step * power >= least) ?? 10)
}

function perUser(counts: number[]): SplitStats['pairsPerUser'] {
  if (counts.length === 0) return { min: 0, median: 0, mean: 0, max: 0, histogram: [] }
  counts.sort((a, b) => a - b)
  const histogram: SplitStats['pairsPerUser']['histogram'] = []
  const max = counts.at(-1)!
  for (let from = 1; from <= max; from *= 2) {
    const to = 2 * from - 1
    histogram.push({ from, to, users: counts.filter((count) => count >= from && count <= to).length })
  }
  return {
    min: counts[0]!,
    median: quantile(counts, 0.5),
    mean: counts.reduce((a, b) => a + b, 0) / counts.length,
    max,
    histogram,
  }
}
