import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunFile, RunView } from '../../shared/domain/runView'
import { EVALUATED_SPLITS, type EvaluatedSplit, type Evaluation } from '../../shared/domain/evaluation'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { savedExperiment } from '../config/savedExperiment'
import type { Store } from '../store/openStore'
import { readNamed, readRecord, readTexts } from './runFolder'
import { storedEvaluation } from './storedEvaluation'

const MAX_ENVIRONMENT_BYTES = 2 ** 20
/** Folders in a run's folder that are listed too. */
const SUBFOLDERS = [RUN_FILES.checkpoints, RUN_FILES.predictions, RUN_FILES.evaluation]
const MOST_FILES = 500

/**
 * One run, from its own folder and the history; no other folder is looked at.
 *
 * @throws AppError `not_found` for a run without a folder
 */
export async function viewRun(store: Store, id: string): Promise<RunView> {
  const row = store.runs.get(id)
  const { dir, root } = await folderOf(row)
  const record = await readRecord(root, root)
  const figures = store.metrics.figures(row.key)
  const { hparams, log, problems } = await readTexts(root, root)
  return {
    record,
    status: row.status,
    reason: row.reason,
    dir,
    annotations: store.annotations.of(row.key),
    metrics: figures.map(({ name }) => name),
    figures: Object.fromEntries(figures.map(({ name, last }) => [name, last])),
    epochs: store.runs.epochs(row.key),
    hparams,
    log,
    files: await listFiles(root),
    environment: await readNamed(root, root, RUN_FILES.environment, MAX_ENVIRONMENT_BYTES).catch(() => ''),
    transitions: store.runs.transitions(id),
    problems: problems,
  }
}

/** What its folder holds of the evaluation of a split. @throws AppError `not_found` for a run without a folder */
export async function evaluationOf(
  store: Store,
  id: string,
  split: EvaluatedSplit,
): Promise<{ evaluation: Evaluation | null; splits: EvaluatedSplit[] }> {
  const { root } = await folderOf(store.runs.get(id))
  return {
    evaluation: await storedEvaluation(root, await readRecord(root, root), split),
    splits: splitsOf(root),
  }
}

/** Splits that the run's data has; all where its configuration cannot be read. */
function splitsOf(dir: string): EvaluatedSplit[] {
  try {
    const { data } = savedExperiment({ dir })
    return EVALUATED_SPLITS.filter((split) => data[split] !== undefined)
  } catch {
    return [...EVALUATED_SPLITS]
  }
}

async function folderOf({
  dir: place,
  trash_dir,
}: {
  dir: string | null
  trash_dir: string | null
}): Promise<{ dir: string; root: string }> {
  const dir = place ?? trash_dir
  const root = dir === null ? undefined : await realpath(dir).catch(() => undefined)
  if (dir === null || root === undefined)
    throw new AppError('not_found', `The folder of this run is gone${dir === null ? '' : `: ${dir}`}`, {
      fix: '`delta runs show` tells what the history still knows of it.',
    })
  return { dir, root }
}

async function listFiles(dir: string): Promise<RunFile[]> {
  const files: RunFile[] = []
  for (const folder of ['', ...SUBFOLDERS]) {
    const entries = await readdir(join(dir, folder), { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      if (!entry.isFile() || entry.name.startsWith('.') || files.length >= MOST_FILES) continue
      const state = await stat(join(dir, folder, entry.name)).catch(() => undefined)
      if (!state) continue
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`
      files.push({ name, bytes: state.size, modified: state.mtimeMs })
    }
  }
  return files.sort((a, b) => a.name.localeCompare(b.name))
}
