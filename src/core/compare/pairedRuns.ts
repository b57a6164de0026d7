import fs from 'node:fs'
import type { FromEngine } from '../../shared/api/engineProtocol'
import { pairedQuerySchema, type PairedQuery, type PairedResult } from '../../shared/domain/compare'
import { runRecordSchema } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { runInEngine, type EngineWatch } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'
import { readEnvironment } from '../reproduce/environment'
import type { Store } from '../store/openStore'
import { predictionsFile } from './comparison'

/** It has nothing to save: one that does not stop at once is ended. */
export const STOP_GRACE_MS = 1_000

export interface PairedContext extends Pick<EngineWatch, 'readyTimeoutMs'> {
  store: Store
  spawner: EngineSpawner
  stop: AbortSignal
  onWork?: (done: number, total: number) => void
}

/**
 * Compares sides of a comparison with a reference in an engine. A side whose figures mean nothing, or that was tested on other data, is
 * left out with the reason and does not count among the comparisons.
 *
 * @throws AppError `not_found` for a run that the history does not know, and whatever the engine says
 */
export async function pairedRuns(query: PairedQuery, context: PairedContext): Promise<PairedResult> {
  const { reference, others, split, resamples, seed } = pairedQuerySchema.parse(query)
  const { store, spawner, stop, readyTimeoutMs, onWork } = context
  const base = sideOf(store, reference, split)
  const sides = others.map((ids) => {
    const side = sideOf(store, ids, split)
    if ('skipped' in base) return { skipped: `the reference cannot be compared: ${base.skipped}` }
    if ('skipped' in side || side.data === base.data) return side
    if (!side.recorded || !base.recorded)
      return { skipped: 'nothing says that it was tested on the same data: not both have recorded their files' }
    return { skipped: `it was tested on other data: the file of ${split} is not the reference's` }
  })
  const files = sides.flatMap((side) => ('skipped' in side ? [] : [side.files]))
  const skipped = sides.flatMap((side) => ('skipped' in side ? [side] : []))
  if ('skipped' in base || files.length === 0)
    return { resamples, flips: 0, comparisons: 0, smallest: 1, others: skipped }
  const watch = { stopGraceMs: STOP_GRACE_MS, ...(readyTimeoutMs !== undefined && { readyTimeoutMs }) }
  const question = { reference: base.files, others: files, resamples, seed }
  const onFrame = (news: FromEngine): void => {
    if (news.type === 'work') onWork?.(news.work.done, news.work.total ?? files.length)
  }
  const frame = await runInEngine(spawner, { type: 'compare', question }, onFrame, stop, watch)
  if (frame.type !== 'compared')
    throw new AppError('engine_protocol', `The engine answered "${frame.type}" to "compare"`)
  const answers = frame.result.others.values()
  return {
    ...frame.result,
    others: sides.map((side) => ('skipped' in side ? side : (answers.next().value ?? { skipped: 'it has no answer' }))),
  }
}

type Side = { files: string[]; data: string; recorded: boolean } | { skipped: string }

/** The files of a side's predictions and what they are of, or why it cannot be compared. */
export function sideOf(store: Store, ids: readonly string[], split: PairedQuery['split']): Side {
  const files: string[] = []
  const data = new Set<string>()
  let recorded = true
  for (const id of ids) {
    const { key, dir, record } = store.runs.get(id)
    const name = Object.values(store.runs.names(key)).join('/')
    const file = dir === null ? undefined : predictionsFile(dir, split)
    if (file === undefined || !fs.existsSync(file)) return { skipped: `${name} has no predictions of ${split}` }
    const parsed = record === null ? undefined : runRecordSchema.safeParse(JSON.parse(record)).data
    if (parsed?.result?.leaks === true)
      return { skipped: `${name} leaks: it sees which answer was chosen, so its figures are no result` }
    files.push(file)
    const tested = testedFile(store, id, split)
    recorded &&= tested !== undefined
    data.add(tested ?? `of ${parsed?.dts_name}, unrecorded`)
  }
  const [only = ''] = data
  return data.size === 1 ? { files, data: only, recorded } : { skipped: 'its runs were tested on different data' }
}

/** SHA-256 of the pairs that a run was tested on, as far as that was written down: the history learns of it some time after the folder has it. */
export function testedFile(store: Store, id: string, split: PairedQuery['split']): string | undefined {
  const { key, dir } = store.runs.get(id)
  const role = `${split}.df_file`
  const known = store.runs.files(key).find((file) => file.role === role)?.sha256
  return known ?? (dir === null ? undefined : readEnvironment(dir)?.files[role]?.sha256)
}
