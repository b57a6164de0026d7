import path from 'node:path'
import type { InspectedFile, InspectResult, InspectTask } from '../../shared/domain/preparation'
import { AppError } from '../../shared/errors'
import { TEXT_COLUMNS, USER_COLUMN } from '../data/features'
import { readFully, regularFileSize, withInput } from '../data/files'
import { npyShape } from '../data/npy'
import { readTexts } from '../data/texts'
import { toJson as toJsonValue, readRecords, type SourceRecord } from '../import/records'
import { ColumnTyper, toJson } from './columnTypes'
import type { PassOptions } from './readPairs'
import { Codes } from './textCodes'

/** Rows that are looked at: enough to tell what a column holds. */
const SAMPLE_ROWS = 2_000
/** Rows and characters that are shown. */
const SHOWN_ROWS = 20
const SHOWN_CHARACTERS = 200

/** Ends a pass early. */
class Enough extends Error {}

/** What files are, by their content: what a wizard shows before anybody says what they mean. A file that cannot be read says why. */
export async function inspectFiles({ files }: InspectTask, options: PassOptions = {}): Promise<InspectResult> {
  const found: InspectedFile[] = []
  for (const [i, file] of files.entries()) {
    options.onWork?.({ what: 'files looked at', done: i, total: files.length })
    found.push(await inspect(file, options))
  }
  return { task: 'inspect', files: found }
}

async function inspect(file: string, options: PassOptions): Promise<InspectedFile> {
  let bytes = 0
  try {
    bytes = await regularFileSize(file)
    return { file, bytes, ...(await contentOf(file, options)) }
  } catch (thrown) {
    const error = AppError.from(thrown)
    if (error.code === 'stopped' || error.code === 'internal') throw error
    return { file, bytes, kind: 'unknown', error: error.toJSON() }
  }
}

async function contentOf(file: string, options: PassOptions): Promise<Omit<InspectedFile, 'file' | 'bytes'>> {
  const extension = path.extname(file).toLowerCase()
  if (extension === '.yaml' || extension === '.yml') return { kind: 'configuration' }
  if (extension === '.npy') return { kind: 'vectors', ...(await npyShape(file)) }
  if (extension === '.npz') return { kind: 'counts' }
  if (extension === '.txt' || extension === '.md') return { kind: 'unknown' }
  const start = await withInput(file, async (input) => {
    const head = Buffer.alloc(Math.min(input.size, 4096))
    await readFully(input, head, 0)
    return head.toString('latin1').replace(/^\xef\xbb\xbf/, '')
  })
  if (/^\s*\[\s*"/.test(start)) {
    const texts = await readTexts(file, () => {}, options.signal ? { signal: options.signal } : {})
    return { kind: 'texts', rows: texts }
  }
  return tableOf(file, start, options)
}

async function tableOf(
  file: string,
  start: string,
  options: PassOptions,
): Promise<Omit<InspectedFile, 'file' | 'bytes'>> {
  const columns = new Map<string, { typer: ColumnTyper; filled: number; values: Codes }>()
  const shown: SourceRecord[] = []
  let sampled = 0
  let malformed = 0
  try {
    await readRecords(file, {
      ...(options.signal && { signal: options.signal }),
      onRecord: (record) => {
        if (sampled >= SAMPLE_ROWS) throw new Enough()
        sampled++
        if (shown.length < SHOWN_ROWS) shown.push(record)
        for (const [name, value] of Object.entries(record)) {
          let column = columns.get(name)
          if (!column) columns.set(name, (column = { typer: new ColumnTyper(), filled: 0, values: new Codes() }))
          if (value === null || value === undefined || value === '') continue
          column.filled++
          column.typer.add(value)
          column.values.value(typeof value === 'object' ? toJson(value) : value)
        }
      },
      onMalformed: () => malformed++,
    })
  } catch (thrown) {
    // A CSV reader tells of the end by an error of its own.
    if (!(thrown instanceof Enough) && sampled < SAMPLE_ROWS) throw thrown
  }
  const parquet = start.startsWith('PAR1')
  const ours = parquet || start.trimStart().startsWith('{')
  const isPairs = ours && [USER_COLUMN, ...TEXT_COLUMNS].every((name) => columns.has(name))
  return {
    kind: isPairs ? 'pairs' : 'table',
    table: {
      sampledRows: sampled,
      all: sampled < SAMPLE_ROWS,
      malformed,
      columns: [...columns].map(([name, { typer, filled, values }]) => ({
        name,
        type: typer.type,
        missing: sampled - filled,
        distinct: values.size,
      })),
      rows: shown.map((record) => [...columns.keys()].map((name) => cell(record[name]))),
    },
  }
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(toJsonValue(value))
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}
