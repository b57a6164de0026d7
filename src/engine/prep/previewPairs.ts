import type { z } from 'zod'
import type { PreviewResult, previewTaskSchema } from '../../shared/domain/preparation'
import { withInput } from '../data/files'
import type { FrameFormat } from '../data/frame'
import { openParquet } from '../data/parquet'
import { ColumnTyper, toJson } from './columnTypes'
import { BatchColumns } from './pairRows'
import { readPairs, type PassOptions } from './readPairs'
import { Codes } from './textCodes'

/** Enough rows to tell what a column holds. */
const SAMPLE_ROWS = 10_000
/** Longer values are cut in examples. */
const EXAMPLE_CHARACTERS = 200

/** Ends a pass early. */
class Enough extends Error {}

/** The first rows of a pairs file as they stand there, and what its columns hold. */
export async function previewPairs(
  { input, rows: wanted }: z.infer<typeof previewTaskSchema>,
  options: PassOptions = {},
): Promise<PreviewResult> {
  const columns = new Map<string, { typer: ColumnTyper; filled: number; values: Codes; example: string }>()
  const rows: Record<string, unknown>[] = []
  let sampled = 0
  let malformed = 0
  let format: FrameFormat = 'parquet'
  try {
    format = await readPairs(input, {
      ...options,
      verb: 'read',
      onBatch: (batch) => {
        const values = new BatchColumns(batch)
        for (let i = 0; i < batch.rows; i++) {
          if (rows.length < wanted)
            rows.push(Object.fromEntries(batch.columns.map((name) => [name, plain(values.at(name, i))])))
          if (sampled >= Math.max(SAMPLE_ROWS, wanted)) throw new Enough()
          for (const name of batch.columns) note(columns, name, values.at(name, i))
          sampled++
        }
      },
      onMalformed: () => malformed++,
    })
  } catch (thrown) {
    if (!(thrown instanceof Enough)) throw thrown
    format = await formatOf(input)
  }
  return {
    task: 'preview',
    format,
    totalRows: format === 'parquet' ? await parquetRows(input) : sampled < SAMPLE_ROWS ? sampled : null,
    sampledRows: sampled,
    columns: [...columns].map(([name, { typer, filled, values, example }]) => ({
      name,
      type: typer.type,
      missing: sampled - filled,
      distinct: values.size,
      example,
    })),
    rows,
    malformed,
  }
}

function note(
  columns: Map<string, { typer: ColumnTyper; filled: number; values: Codes; example: string }>,
  name: string,
  value: unknown,
): void {
  let column = columns.get(name)
  if (!column) columns.set(name, (column = { typer: new ColumnTyper(), filled: 0, values: new Codes(), example: '' }))
  if (value === null || value === undefined || Number.isNaN(value)) return
  column.typer.add(value)
  if (column.filled++ === 0) {
    const text = typeof value === 'string' ? value : toJson(value)
    column.example = text.length > EXAMPLE_CHARACTERS ? `${text.slice(0, EXAMPLE_CHARACTERS)}…` : text
  }
  column.values.value(typeof value === 'object' ? toJson(value) : value)
}

/** A value that JSON can say. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
  return typeof value === 'object' && value !== null ? JSON.parse(toJson(value)) : value
}

async function formatOf(input: string): Promise<FrameFormat> {
  return withInput(input, async (file) => {
    const head = Buffer.alloc(4)
    await file.handle.read(head, 0, 4, 0)
    return head.toString('latin1') === 'PAR1' ? 'parquet' : 'jsonl'
  })
}

async function parquetRows(input: string): Promise<number> {
  return withInput(input, async (file) => (await openParquet(file)).rows)
}
