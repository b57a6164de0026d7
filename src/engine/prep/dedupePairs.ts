import type { z } from 'zod'
import type { DedupeResult, dedupeTaskSchema } from '../../shared/domain/preparation'
import { AppError } from '../../shared/errors'
import { TEXT_COLUMNS } from '../data/features'
import { UserRegistry } from '../data/registry'
import { ColumnTyper, toJson } from './columnTypes'
import { withDrafts } from './drafts'
import { BatchColumns, DropLog, isFault, noRows, pairRow, requireColumns } from './pairRows'
import { LineFile } from './lineFile'
import { openPairsWriter } from './pairsWriter'
import { readPairs, type PassOptions } from './readPairs'
import { Codes, Numbers } from './textCodes'

type DedupeTask = z.infer<typeof dedupeTaskSchema>

const LOWER = 1
const HIGHER = 2
const BOTH = LOWER | HIGHER

/** Judgments by number: which ones repeat an earlier one, and which pairs a user decided in both ways. */
interface Judgments {
  /** [usable rows] number of (user, prompt, the two answers), and which of them was chosen. */
  pairOf: Numbers
  sideOf: Numbers
  /** [pairs] sides that were chosen. */
  sides: Numbers
  typers: Map<string, ColumnTyper>
  rows: number
}

/**
 * Copies a file of pairs without exact repetitions. Rows that cannot be read as judgments are kept as they are, unless
 * a line is no JSON at all. Where a user judged one pair in both ways, both stay or both go.
 *
 * @throws AppError `config_invalid`, `data_invalid`, `unwritable`, `stopped`
 */
export async function dedupePairs(task: DedupeTask, options: PassOptions = {}): Promise<DedupeResult> {
  if (new Set([task.input, task.output, task.droppedFile]).size < 3)
    throw new AppError('config_invalid', 'The output would replace the file that is read', {
      file: task.output,
      key: 'output',
      fix: 'Give --output another name.',
    })
  const judgments = await readJudgments(task, options)
  return withDrafts(async (drafts) => {
    const columns = [...judgments.typers].map(([name, typer]) => ({ name, type: typer.type }))
    const writer = openPairsWriter(drafts.of(task.output), task.format, columns)
    const report = new Report(task, (file) => drafts.of(file))
    /** [pairs × 2] first row with that choice, or -1. */
    const firsts = new Int32Array(2 * judgments.sides.length).fill(-1)
    let usable = 0
    await readPairs(task.input, {
      ...options,
      verb: 'written',
      onBatch: (batch) => {
        const values = new BatchColumns(batch)
        for (let i = 0; i < batch.rows; i++) {
          const row = batch.firstRow + i
          const write = (): void => writer.write(columns.map(({ name }) => values.at(name, i)))
          if (isFault(pairRow(values, i, task.user))) {
            write()
            continue
          }
          const pair = judgments.pairOf.at(usable)
          const side = judgments.sideOf.at(usable++)
          const record = (): object => Object.fromEntries(batch.columns.map((name) => [name, values.at(name, i)]))
          const at = 2 * pair + side - 1
          if (firsts[at]! >= 0) {
            report.duplicate(row, firsts[at]!, record())
            continue
          }
          firsts[at] = row
          const conflicting = judgments.sides.at(pair) === BOTH
          if (conflicting) report.conflict(row, pair, record())
          if (!conflicting || task.conflicts === 'keep') write()
        }
      },
      onMalformed: (row, why) => report.malformed(row, why),
    })
    writer.close()
    const droppedFile = report.close()
    return {
      task: 'dedupe',
      rows: judgments.rows,
      kept: writer.rows,
      duplicates: report.duplicates,
      conflictingRows: report.conflictingRows,
      conflictingPairs: report.conflictingPairs.size,
      dropped: report.drops.list(),
      droppedFile,
    }
  })
}

async function readJudgments({ input, user }: DedupeTask, options: PassOptions): Promise<Judgments> {
  const users = new UserRegistry()
  const texts = new Codes()
  const codes = new Codes()
  const judgments: Judgments = {
    pairOf: new Numbers(),
    sideOf: new Numbers(),
    sides: new Numbers(),
    typers: new Map(),
    rows: 0,
  }
  let checked = false
  await readPairs(input, {
    ...options,
    verb: 'read',
    onBatch: (batch) => {
      if (!checked) requireColumns(input, batch.columns, [user, ...TEXT_COLUMNS])
      checked = true
      judgments.rows += batch.rows
      for (const name of batch.columns) if (!judgments.typers.has(name)) judgments.typers.set(name, new ColumnTyper())
      const columns = new BatchColumns(batch)
      for (let i = 0; i < batch.rows; i++) {
        for (const [name, typer] of judgments.typers) typer.add(columns.at(name, i))
        const row = pairRow(columns, i, user)
        if (isFault(row)) continue
        const [chosen, rejected] = [texts.text(row.chosen), texts.text(row.rejected)]
        const pair = codes.tuple(
          users.codeOf(row.user),
          texts.text(row.prompt),
          Math.min(chosen, rejected),
          Math.max(chosen, rejected),
        )
        if (pair === judgments.sides.length) judgments.sides.push(0)
        const side = chosen <= rejected ? LOWER : HIGHER
        judgments.sides.values[pair]! |= side
        judgments.pairOf.push(pair)
        judgments.sideOf.push(side)
      }
    },
    onMalformed: () => judgments.rows++,
  })
  if (!checked) throw noRows(input)
  return judgments
}

/** What goes to the dropped file: rows that went, and rows that contradict each other. */
class Report {
  readonly drops = new DropLog()
  readonly conflictingPairs = new Set<number>()
  duplicates = 0
  conflictingRows = 0
  readonly #task: DedupeTask
  readonly #draft: (file: string) => string
  #lines: LineFile | undefined

  constructor(task: DedupeTask, draft: (file: string) => string) {
    this.#task = task
    this.#draft = draft
  }

  duplicate(row: number, of: number, values: object): void {
    this.duplicates++
    this.drops.add(row, { reason: 'duplicate' })
    this.#write({ row, reason: 'duplicate', of, dropped: true, values })
  }

  conflict(row: number, pair: number, values: object): void {
    const dropped = this.#task.conflicts === 'drop'
    this.conflictingRows++
    this.conflictingPairs.add(pair)
    if (dropped) this.drops.add(row, { reason: 'conflict' })
    this.#write({ row, reason: 'conflict', dropped, values })
  }

  malformed(row: number, why: string): void {
    this.drops.add(row, { reason: 'row_malformed' })
    this.#write({ row, reason: 'row_malformed', dropped: true, why })
  }

  /** @returns the file, or null where there was nothing to tell */
  close(): string | null {
    if (this.#lines === undefined) return null
    this.#lines.close()
    return this.#task.droppedFile
  }

  #write(line: object): void {
    this.#lines ??= new LineFile(this.#draft(this.#task.droppedFile))
    this.#lines.write(toJson(line))
  }
}
