import type { RequestInput, RequestOutput } from '../../shared/api/requests'
import type { RunRow } from '../../shared/domain/runTable'
import { AppError } from '../../shared/errors'
import type { Workbench } from '../workbench'
import type { RunStore } from '../runs/runStore'
import { COLUMNS } from './filter/names'
import type { ListedRun } from './listRuns'
import type { Store } from './openStore'

/** Columns that every row has besides those asked for. */
const OWN = ['seconds', 'leaks'] as const

/**
 * The runs of one log folder as a table. Where there is no history the folders themselves are listed, without what only the
 * history knows.
 */
export async function runsTable(
  workbench: Workbench,
  folders: RunStore,
  logDir: string,
  { columns = [], trash = false }: RequestInput<'runs.table'>,
): Promise<RequestOutput<'runs.table'>> {
  const opened = await workbench.ready().catch(() => undefined)
  if (opened === undefined) return fromFolders(folders, columns, trash)
  const { store } = opened
  const { rows } = store.list({
    logDir,
    trash,
    missing: trash,
    columns: [...OWN, ...columns],
    lenient: true,
  })
  const other = trash ? rows.length : countTrash(store, logDir)
  workbench.shown(rows.length)
  return {
    rows: rows.map(rowOf),
    trashed: other,
    unreadable: [...workbench.unreadable],
    reading: workbench.reading,
  }
}

/** The ids of the runs that a filter lets through. */
export async function matchingRuns(
  workbench: Workbench,
  logDir: string,
  { filter, trash = false }: RequestInput<'runs.match'>,
): Promise<RequestOutput<'runs.match'>> {
  const { store } = await workbench.ready()
  return { ids: store.list({ logDir, trash, missing: trash, filter }).rows.map(({ id }) => id) }
}

export async function runNames(workbench: Workbench): Promise<RequestOutput<'runs.names'>> {
  const { store } = await workbench.ready()
  const pluck = (sql: string): string[] => store.db.handle.prepare<[], string>(sql).pluck().all()
  return {
    columns: Object.keys(COLUMNS),
    metrics: pluck('SELECT name FROM metrics ORDER BY 1'),
    params: pluck('SELECT DISTINCT name FROM params ORDER BY 1'),
  }
}

function countTrash(store: Store, logDir: string): number {
  const count = store.db.handle
    .prepare<[string], number>('SELECT count(*) FROM runs WHERE log_dir = ? AND trashed IS NOT NULL')
    .pluck()
    .get(logDir)
  return count ?? 0
}

function rowOf(run: ListedRun): RunRow {
  const { id, exp_name, exp_version, status, reason, model_name, dts_name, created, ended, epochs } = run
  const { starred, note, tags, dir, trashed, cells } = run
  const [seconds, leaks] = cells
  const known = { id, exp_name, exp_version, status, reason, model_name, dts_name, created, ended, epochs }
  return {
    ...known,
    seconds: typeof seconds === 'number' ? seconds : null,
    leaks: Boolean(leaks),
    starred,
    note,
    tags,
    dir,
    trashed,
    cells: cells.slice(OWN.length),
  }
}

async function fromFolders(
  folders: RunStore,
  columns: readonly string[],
  trash: boolean,
): Promise<RequestOutput<'runs.table'>> {
  if (trash) throw new AppError('unreadable', 'The trash needs the history, which cannot be opened')
  const { runs, unreadable } = await folders.list()
  const rows = runs.map(({ result, figures, reason, ended, ...run }): RunRow => {
    const cells = columns.map((name) => figures[name.replace(/\.(min|max)$/, '')] ?? null)
    const { id, exp_name, exp_version, status, model_name, dts_name, created, epochs, dir } = run
    return {
      ...{ id, exp_name, exp_version, status, model_name, dts_name, created, epochs, dir, cells },
      reason: reason ?? null,
      ended: ended ?? null,
      seconds: result?.seconds ?? null,
      leaks: result?.leaks === true,
      starred: false,
      note: '',
      tags: [],
      trashed: null,
    }
  })
  return { rows, trashed: 0, unreadable, reading: false }
}
