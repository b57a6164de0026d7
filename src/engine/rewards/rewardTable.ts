import { didYouMean } from '../../shared/config/nearest'
import { REWARD_TABLE_COLUMNS } from '../../shared/domain/reward'
import { AppError, type ErrorPlace } from '../../shared/errors'
import type { ReadOptions } from '../data/files'
import { readFrame, type FrameFormat } from '../data/frame'
import { toReward, toRow } from './rewardValues'
import { RowPairMap } from './rowPairMap'

/** r* of (prompt, answer) pairs as a user supplies it, keyed by rows of a `text_file`: about 30 bytes a pair. */
export class RewardTable {
  /** The largest row number it holds, -1 when it holds none. */
  largestRow = -1
  readonly file: string
  private readonly rewards = new RowPairMap()
  private format: FrameFormat = 'jsonl'

  private constructor(file: string) {
    this.file = file
  }

  /**
   * Reads Parquet or JSON Lines in bounded memory but for the table itself. A pair may stand there repeatedly, always
   * with the same reward.
   *
   * @throws AppError `not_found`, `unreadable`, `stopped`, or `data_invalid` with the row of the fault
   */
  static async read(file: string, options: ReadOptions = {}): Promise<RewardTable> {
    const table = new RewardTable(file)
    await readFrame(file, {
      ...options,
      select: (columns, format) => table.select(columns, format),
      encodeText: () => 0,
      onBatch: (batch) => {
        const [prompts, answers, rewards] = REWARD_TABLE_COLUMNS.map((column) => batch.values(column))
        for (let i = 0; i < batch.rows; i++) table.addRow(batch.firstRow + i, [prompts![i], answers![i], rewards![i]])
      },
      onMalformed: (row, reason) => {
        throw table.fault(`Row ${row}: ${reason}`, 'Write one JSON object on each line.', { row, line: row + 1 })
      },
    })
    return table
  }

  get size(): number {
    return this.rewards.size
  }

  /** r* of an answer to a prompt, or undefined. */
  find(prompt: number, answer: number): number | undefined {
    return this.rewards.get(prompt, answer)
  }

  private select(columns: readonly string[], format: FrameFormat): { values: readonly string[]; texts: [] } {
    this.format = format
    for (const column of REWARD_TABLE_COLUMNS) {
      if (columns.includes(column)) continue
      const message = `The column "${column}" is missing.${didYouMean(column, columns)}`
      throw this.fault(message, `A reward table has the columns ${REWARD_TABLE_COLUMNS.join(', ')}.`, { column })
    }
    return { values: REWARD_TABLE_COLUMNS, texts: [] }
  }

  private addRow(row: number, given: readonly unknown[]): void {
    const prompt = this.check(row, 0, toRow(given[0]), given[0], 'a row number of text_file')
    const answer = this.check(row, 1, toRow(given[1]), given[1], 'a row number of text_file')
    const reward = this.check(row, 2, toReward(given[2]), given[2], 'a finite number')
    const before = this.rewards.add(prompt, answer, reward)
    if (before !== undefined && before !== reward)
      throw this.fault(
        `Prompt ${prompt} with answer ${answer} has the reward ${reward} here and ${before} in an earlier row`,
        'Give every pair one reward.',
        this.place(row, 2),
      )
    if (prompt > this.largestRow) this.largestRow = prompt
    if (answer > this.largestRow) this.largestRow = answer
  }

  private check(row: number, column: number, value: number | undefined, given: unknown, wanted: string): number {
    if (value !== undefined) return value
    const found =
      given === undefined || given === null ? 'has no value' : `is ${String(given).slice(0, 60)}, not ${wanted}`
    throw this.fault(
      `${REWARD_TABLE_COLUMNS[column]} ${found}`,
      `Every row needs ${wanted} in this column.`,
      this.place(row, column),
    )
  }

  private place(row: number, column: number): ErrorPlace {
    return { row, column: REWARD_TABLE_COLUMNS[column], ...(this.format === 'jsonl' && { line: row + 1 }) }
  }

  private fault(message: string, fix: string, place: ErrorPlace): AppError {
    return new AppError('data_invalid', message, { file: this.file, ...place, fix })
  }
}
