import type { ColumnInfo, PairFormat } from '../../shared/domain/preparation'
import { AppError } from '../../shared/errors'
import { ColumnTyper } from './columnTypes'
import type { Drafts } from './drafts'
import { BatchColumns } from './pairRows'
import { openPairsWriter } from './pairsWriter'
import { readPairs, type PassOptions } from './readPairs'

/**
 * Writes a pairs file anew with further columns, every row and every other column as it was; the format stays.
 *
 * @param added the new columns; an old one of the same name is replaced
 * @param valuesOf one value for each of them, for row `i` of a batch
 * @throws AppError `data_invalid` for a line that is no JSON object, which could not be kept
 */
export async function rewritePairs(
  file: string,
  drafts: Drafts,
  added: readonly ColumnInfo[],
  valuesOf: (columns: BatchColumns, i: number) => readonly unknown[],
  options: PassOptions,
): Promise<void> {
  const { columns, format } = await columnsOf(file, options)
  const names = new Set(added.map(({ name }) => name))
  const kept = columns.filter(({ name }) => !names.has(name))
  const writer = openPairsWriter(drafts.of(file), format, [...kept, ...added])
  await readPairs(file, {
    ...options,
    verb: 'written',
    onBatch: (batch) => {
      const values = new BatchColumns(batch)
      for (let i = 0; i < batch.rows; i++)
        writer.write([...kept.map(({ name }) => values.at(name, i)), ...valuesOf(values, i)])
    },
  })
  writer.close()
}

/** Types of all columns, learned from all rows. */
async function columnsOf(file: string, options: PassOptions): Promise<{ columns: ColumnInfo[]; format: PairFormat }> {
  const typers = new Map<string, ColumnTyper>()
  const format = await readPairs(file, {
    ...options,
    verb: 'read',
    onBatch: (batch) => {
      const values = new BatchColumns(batch)
      for (const name of batch.columns) {
        const typer = typers.get(name) ?? new ColumnTyper()
        typers.set(name, typer)
        for (let i = 0; i < batch.rows; i++) typer.add(values.at(name, i))
      }
    },
    onMalformed: (row, reason) => {
      throw new AppError('data_invalid', `Row ${row}: ${reason}`, {
        file,
        row,
        line: row + 1,
        fix: 'Write one JSON object on each line.',
      })
    },
  })
  return { columns: [...typers].map(([name, typer]) => ({ name, type: typer.type })), format }
}
