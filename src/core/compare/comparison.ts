import fs from 'node:fs'
import path from 'node:path'
import {
  compareRunsQuerySchema,
  PREDICTED_SPLITS,
  USUAL_FIGURES,
  type ComparedFigure,
  type ComparedRun,
  type ComparedRuns,
  type CompareRunsQuery,
  type Difference,
  type PredictedSplit,
} from '../../shared/domain/compare'
import { RUN_FILES, runRecordSchema, type RunRecord } from '../../shared/domain/run'
import { spreadOf } from '../../shared/domain/seeds'
import { diffRuns, type Difference as StoredDifference } from '../store/diffRuns'
import type { ListedRun } from '../store/listRuns'
import type { Store } from '../store/openStore'
import { groupRuns } from './groups'

/** Of the tested checkpoint, not of the last epoch: that is what the other results are about. */
const OF_THE_BEST = ['val_loss', 'val_acc'] as const

export interface ComparisonOptions {
  /** Keys whose values put runs into groups, instead of everything but the seed. */
  groupBy?: readonly string[]
  /** A column that no run has is an error. */
  strict?: boolean
}

/**
 * Configuration, figures and groups of any number of runs, as the history knows them.
 *
 * @throws AppError `usage` for a column that means nothing, where `strict`
 */
export function compareRuns(
  store: Store,
  query: CompareRunsQuery,
  { groupBy = [], strict = false }: ComparisonOptions = {},
): ComparedRuns {
  const { runs: asked, columns, all } = compareRunsQuerySchema.parse(query)
  return store.db.read('compare runs', () => {
    const listed = store.list({
      ids: asked,
      columns,
      lenient: !strict,
      missing: true,
      metrics: 'all',
      records: 'all',
    }).rows
    const byId = new Map(listed.map((run) => [run.id, run]))
    const ids = [...new Set(asked)]
    const runs = ids.flatMap((id) => byId.get(id) ?? [])
    const { params, environment } = diffRuns(
      store,
      runs.map(({ id }) => store.runs.get(id).key),
      { all: true, metrics: false },
    )
    const groups = groupRuns(
      runs.map((run, at) => ({ ...run, params: paramsOf(params, at) })),
      groupBy,
    )
    const records = runs.map(recordOf)
    const figures = figureNames(runs, columns).flatMap((name): ComparedFigure[] => {
      const values = runs.map((run, at) => figureOf(name, run, records[at], columns))
      if (values.every((value) => value === null)) return []
      const spreads = groups.map((group) => {
        const known = group.runs.flatMap((at) => values[at] ?? [])
        return known.length === 0 ? null : spreadOf(known)
      })
      return [{ name, values, spreads }]
    })
    const wanted = ({ differs }: StoredDifference): boolean => all || differs
    return {
      runs: runs.map((run, at) => comparedRun(run, records[at])),
      unknown: ids.filter((id) => !byId.has(id)),
      groups,
      params: params.filter(wanted).map(asDifference),
      environment: environment.filter(wanted).map(asDifference),
      figures,
    }
  })
}

function paramsOf(params: readonly StoredDifference[], at: number): Map<string, unknown> {
  return new Map(params.flatMap(({ name, values }) => (values[at] === undefined ? [] : [[name, values[at]] as const])))
}

function recordOf({ record }: ListedRun): RunRecord | undefined {
  return record === null ? undefined : runRecordSchema.safeParse(JSON.parse(record)).data
}

/** Figures of the test splits are one number each: all of them are results. */
function figureNames(runs: readonly ListedRun[], columns: readonly string[]): string[] {
  const names = new Set(runs.flatMap(({ figures }) => Object.keys(figures)))
  const tested = [...names].filter((name) => name.startsWith('test_')).sort()
  return [...new Set([...USUAL_FIGURES, ...tested, ...columns])]
}

function figureOf(
  name: string,
  { figures, cells }: ListedRun,
  record: RunRecord | undefined,
  columns: readonly string[],
): number | null {
  const best = OF_THE_BEST.find((one) => one === name)
  if (best) return finite(record?.result?.[best])
  return finite(figures[name] ?? cells[columns.indexOf(name)])
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function comparedRun(run: ListedRun, record: RunRecord | undefined): ComparedRun {
  const { id, exp_name, exp_version, status, model_name, dts_name, created, dir } = run
  const leaks = record?.result?.leaks === true
  return { id, exp_name, exp_version, status, model_name, dts_name, created, leaks, splits: splitsOf(dir) }
}

function splitsOf(dir: string | null): PredictedSplit[] {
  if (dir === null) return []
  return PREDICTED_SPLITS.filter((split) => fs.existsSync(predictionsFile(dir, split)))
}

export function predictionsFile(dir: string, split: PredictedSplit): string {
  return path.join(dir, RUN_FILES.predictions, `${split}.parquet`)
}

/** JSON has no undefined: runs without the key are named. */
function asDifference({ name, differs, values }: StoredDifference): Difference {
  return {
    name,
    differs,
    values: values.map((value) => value ?? null),
    missing: values.flatMap((value, at) => (value === undefined ? [at] : [])),
  }
}
