import fs from 'node:fs'
import { zipSync } from 'fflate'
import type { BowResult, PrepareTask } from '../../shared/domain/preparation'
import { AppError } from '../../shared/errors'
import { npyHeader } from '../../shared/npyHeader'
import { TEXT_COLUMNS } from '../data/features'
import { readTexts } from '../data/texts'
import { withDrafts } from './drafts'
import { BatchColumns, noRows, requireColumns } from './pairRows'
import { readPairs, type PassOptions } from './readPairs'
import { Codes, Numbers } from './textCodes'
import { ENGLISH_STOP_WORDS, words } from './words'

type BowTask = Extract<PrepareTask, { task: 'bow' }>

/** The oldest date that a zip entry can carry: equal counts give equal bytes. */
const ZIP_EPOCH = new Date(1980, 0, 1)

/**
 * Chooses a vocabulary from the texts of the training pairs alone, and counts its words in every text of the data set.
 *
 * @throws AppError `config_invalid` when no word is left, `data_invalid`, `unwritable`, `stopped`
 */
export async function bagOfWords(task: BowTask, options: PassOptions = {}): Promise<BowResult> {
  const { frequencies, texts: trainingTexts } = await documentFrequencies(task.data.train.df_file, options)
  const { vocabulary, leftOut } = chooseWords(frequencies, trainingTexts, task)
  if (vocabulary.length === 0)
    throw new AppError('config_invalid', `None of the ${frequencies.size} words of ${trainingTexts} texts is left`, {
      key: 'min_df',
      findings: Object.entries(leftOut).map(([why, n]) => `${n} left out: ${why}`),
      fix: 'Lower --min_df, raise --max_df, or use fewer stop words.',
    })
  return withDrafts(async (drafts) => {
    fs.writeFileSync(drafts.of(task.vocabFile), `${vocabulary.join('\n')}\n`)
    const files: BowResult['files'] = []
    for (const { textFile, bowFile } of task.files) {
      const counted = await countWords(textFile, vocabulary, options)
      fs.writeFileSync(drafts.of(bowFile), csrFile(counted, vocabulary.length))
      files.push({
        bowFile,
        texts: counted.offsets.length - 1,
        counts: counted.indices.length,
        emptyTexts: counted.emptyTexts,
      })
    }
    return { task: 'bow', words: vocabulary.length, trainingTexts, leftOut, files }
  })
}

/** In how many distinct texts of these pairs each word stands. */
async function documentFrequencies(
  file: string,
  options: PassOptions,
): Promise<{ frequencies: Map<string, number>; texts: number }> {
  const frequencies = new Map<string, number>()
  const texts = new Codes()
  let checked = false
  await readPairs(file, {
    ...options,
    verb: 'counted',
    onBatch: (batch) => {
      if (!checked) requireColumns(file, batch.columns, TEXT_COLUMNS)
      checked = true
      const columns = new BatchColumns(batch)
      for (let i = 0; i < batch.rows; i++) {
        for (const column of TEXT_COLUMNS) {
          const text = columns.at(column, i)
          const before = texts.size
          if (typeof text !== 'string' || texts.text(text) < before) continue
          for (const word of new Set(words(text))) frequencies.set(word, (frequencies.get(word) ?? 0) + 1)
        }
      }
    },
  })
  if (!checked) throw noRows(file)
  return { frequencies, texts: texts.size }
}

/** The vocabulary in alphabetical order (by code unit), and how many words were left out for which reason. */
function chooseWords(
  frequencies: ReadonlyMap<string, number>,
  texts: number,
  { minDf, maxDf, maxWords, minLetters, stopWords }: BowTask,
): { vocabulary: string[]; leftOut: BowResult['leftOut'] } {
  const stops = stopWords === 'english' ? ENGLISH_STOP_WORDS : new Set(stopWords.map((word) => word.toLowerCase()))
  const leftOut = { stopWords: 0, rare: 0, frequent: 0, beyondLimit: 0 }
  const kept: [string, number][] = []
  for (const [word, count] of frequencies) {
    if (stops.has(word) || [...word].length < minLetters) leftOut.stopWords++
    else if (count < minDf) leftOut.rare++
    else if (count > maxDf * texts) leftOut.frequent++
    else kept.push([word, count])
  }
  kept.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  leftOut.beyondLimit = Math.max(0, kept.length - maxWords)
  const vocabulary = kept.slice(0, maxWords).map(([word]) => word)
  return { vocabulary: vocabulary.sort(), leftOut }
}

export interface CountedTexts {
  /** [texts + 1] */
  offsets: Int32Array
  /** Columns, ascending within a text. */
  indices: Int32Array
  counts: Int32Array
  /** Texts without a word of the vocabulary. */
  emptyTexts: number
}

/** Word counts of a `text_file` as compressed sparse rows. */
export async function countWords(
  textFile: string,
  vocabulary: readonly string[],
  { signal }: PassOptions,
): Promise<CountedTexts> {
  const columnOf = new Map(vocabulary.map((word, column) => [word, column]))
  const offsets = new Numbers()
  const indices = new Numbers()
  const counts = new Numbers()
  let emptyTexts = 0
  offsets.push(0)
  await readTexts(
    textFile,
    (text) => {
      const own = new Map<number, number>()
      for (const word of words(text)) {
        const column = columnOf.get(word)
        if (column !== undefined) own.set(column, (own.get(column) ?? 0) + 1)
      }
      if (own.size === 0) emptyTexts++
      for (const [column, count] of [...own].sort(([a], [b]) => a - b)) {
        indices.push(column)
        counts.push(count)
      }
      offsets.push(indices.length)
    },
    { signal },
  )
  return { offsets: offsets.values, indices: indices.values, counts: counts.values, emptyTexts }
}

/** What `scipy.sparse.save_npz` writes for a CSR matrix [texts, words]. */
function csrFile({ offsets, indices, counts }: CountedTexts, columns: number): Uint8Array {
  const shape = BigInt64Array.of(BigInt(offsets.length - 1), BigInt(columns))
  return zipSync(
    {
      'indices.npy': npy('<i4', [indices.length], indices),
      'indptr.npy': npy('<i4', [offsets.length], offsets),
      'format.npy': npy(
        '|S3',
        [],
        Uint8Array.from('csr', (letter) => letter.charCodeAt(0)),
      ),
      'shape.npy': npy('<i8', [2], shape),
      'data.npy': npy('<i4', [counts.length], counts),
    },
    { mtime: ZIP_EPOCH },
  )
}

function npy(descr: string, shape: readonly number[], values: Int32Array | BigInt64Array | Uint8Array): Uint8Array {
  const header = npyHeader(descr, shape)
  const bytes = new Uint8Array(header.length + values.byteLength)
  bytes.set(header)
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), header.length)
  return bytes
}
