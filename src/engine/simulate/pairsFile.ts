import { fileWriter, ParquetWriter, schemaFromColumnData, type ColumnSource } from 'hyparquet-writer'
import type { Judgement } from './judgements'
import { textOf, type World } from './world'

/** Rows of one row group: what is held in memory before it is written. */
const GROUP_ROWS = 10_000

/** Writes judgements to Parquet, a row group at a time. */
export class PairsFile {
  private readonly writer: ParquetWriter
  private readonly world: World
  private rows: Judgement[] = []

  constructor(path: string, world: World) {
    this.world = world
    this.writer = new ParquetWriter({
      writer: fileWriter(path),
      schema: schemaFromColumnData({ columnData: this.columns() }),
    })
  }

  async add(judgement: Judgement): Promise<void> {
    this.rows.push(judgement)
    if (this.rows.length === GROUP_ROWS) await this.writeGroup()
  }

  async finish(): Promise<void> {
    if (this.rows.length > 0) await this.writeGroup()
    await this.writer.finish()
  }

  private async writeGroup(): Promise<void> {
    await this.writer.write({ columnData: this.columns(), rowGroupSize: GROUP_ROWS })
    this.rows = []
  }

  private columns(): ColumnSource[] {
    const { rows, world } = this
    const { ties, drift } = world.options
    const integers = (name: string, of: (row: Judgement) => number): ColumnSource => ({
      name,
      data: BigInt64Array.from(rows, (row) => BigInt(of(row))),
      type: 'INT64',
    })
    const texts = (name: 'prompt' | 'chosen' | 'rejected'): ColumnSource => ({
      name,
      data: rows.map((row) => textOf(world, row[name])),
      type: 'STRING',
    })
    return [
      integers('u_id', ({ user }) => user),
      integers('id', ({ id }) => id),
      texts('prompt'),
      texts('chosen'),
      texts('rejected'),
      integers('prompt_emb_idx', ({ prompt }) => prompt),
      integers('chosen_emb_idx', ({ chosen }) => chosen),
      integers('rejected_emb_idx', ({ rejected }) => rejected),
      ...(ties > 0 ? [{ name: 'tie', data: rows.map(({ tie }) => tie), type: 'BOOLEAN' as const }] : []),
      ...(drift > 0
        ? [{ name: 'time', data: Float64Array.from(rows, ({ time }) => time), type: 'DOUBLE' as const }]
        : []),
    ]
  }
}
