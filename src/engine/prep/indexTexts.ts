import fs from 'node:fs'
import type { SplitFiles } from '../../shared/config/data'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import type { IndexResult, PrepareTask } from '../../shared/domain/preparation'
import { AppError } from '../../shared/errors'
import { indexColumn, TEXT_COLUMNS, USER_COLUMN } from '../data/features'
import { TextTable } from '../data/textTable'
import { withDrafts, type Drafts } from './drafts'
import { BatchColumns, requireColumns } from './pairRows'
import { readPairs, type PassOptions } from './readPairs'
import { rewritePairs } from './rewritePairs'
import { TextFile } from './textFile'

type IndexTask = Extract<PrepareTask, { task: 'index' }>
/** The row of a text in a text file, or -1. */
type Find = (text: string) => number

/**
 * Completes a data set before its texts are embedded: makes each `text_file` that does not exist from the pairs that
 * name it, and gives the pairs that have none their index columns.
 *
 * @throws AppError `data_invalid` for a text that a given `text_file` lacks
 */
export async function indexTexts({ data }: IndexTask, options: PassOptions = {}): Promise<IndexResult> {
  const splits = SPLIT_NAMES.flatMap((name) => (data[name] ? [data[name]] : []))
  const textFiles = [...new Set(splits.map(({ text_file }) => text_file))]
  return withDrafts(async (drafts) => {
    const result: IndexResult = { task: 'index', textFiles: [], indexed: [] }
    for (const file of textFiles) {
      const users = splits.filter(({ text_file }) => text_file === file)
      // A link to nothing is read, too, and told: what it led to is somewhere else, and not to be made anew.
      const { find, texts, made } = fs.lstatSync(file, { throwIfNoEntry: false })
        ? await readTextFile(file, options)
        : await makeTextFile(file, users, drafts, options)
      result.textFiles.push({ file, texts, made })
      for (const split of users)
        if (await addIndices(split, find, made, drafts, options)) result.indexed.push(split.df_file)
    }
    return result
  })
}

interface Texts {
  find: Find
  texts: number
  made: boolean
}

async function readTextFile(file: string, { signal }: PassOptions): Promise<Texts> {
  const table = await TextTable.read(file, { signal })
  return { find: (text) => table.find(text), texts: table.rows, made: false }
}

async function makeTextFile(
  file: string,
  users: readonly SplitFiles[],
  drafts: Drafts,
  options: PassOptions,
): Promise<Texts> {
  const texts = new TextFile(drafts.of(file))
  for (const { df_file } of users) {
    await forEachRow(df_file, options, (columns, i) => {
      for (const column of TEXT_COLUMNS) {
        const text = columns.at(column, i)
        if (typeof text !== 'string') throw noText(df_file, column, columns.batch.firstRow + i)
        texts.index(text)
      }
    })
  }
  return { find: (text) => texts.find(text), texts: texts.close(), made: true }
}

/** @returns whether the file was written anew */
async function addIndices(
  { df_file, text_file }: SplitFiles,
  find: Find,
  made: boolean,
  drafts: Drafts,
  options: PassOptions,
): Promise<boolean> {
  let has = false
  let checked = false
  const check = (columns: BatchColumns): void => {
    if (checked) return
    checked = true
    requireColumns(df_file, columns.batch.columns, [USER_COLUMN, ...TEXT_COLUMNS])
    has = TEXT_COLUMNS.some((column) => columns.batch.columns.includes(indexColumn(column)))
  }
  const indicesOf = (columns: BatchColumns, i: number): number[] =>
    TEXT_COLUMNS.map((column) => {
      const row = columns.batch.firstRow + i
      const text = columns.at(column, i)
      if (typeof text !== 'string') throw noText(df_file, column, row)
      const index = find(text)
      if (index >= 0) return index
      throw new AppError('data_invalid', `${column} does not stand in text_file (${text_file})`, {
        file: df_file,
        row,
        column,
        fix: 'Add the text, or remove text_file to have it made from the pairs.',
      })
    })
  // Indices that are there already belong to the text file that is there; a new one gives new indices.
  await forEachRow(df_file, options, (columns, i) => {
    check(columns)
    if (!has) indicesOf(columns, i)
  })
  if (has && !made) return false
  const added = TEXT_COLUMNS.map((column) => ({ name: indexColumn(column), type: 'integer' as const }))
  await rewritePairs(df_file, drafts, added, indicesOf, options)
  return true
}

async function forEachRow(
  file: string,
  options: PassOptions,
  use: (columns: BatchColumns, i: number) => void,
): Promise<void> {
  await readPairs(file, {
    ...options,
    verb: 'indexed',
    onBatch: (batch) => {
      const columns = new BatchColumns(batch)
      for (let i = 0; i < batch.rows; i++) use(columns, i)
    },
  })
}

function noText(file: string, column: string, row: number): AppError {
  return new AppError('data_invalid', `${column} has no text`, {
    file,
    row,
    column,
    fix: 'Every row needs its prompt and both answers as text; `delta data split` sorts out those that lack one.',
  })
}
