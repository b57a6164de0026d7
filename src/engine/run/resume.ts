import path from 'node:path'
import type { ExperimentConfig } from '../../shared/config/experiment'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import type { Execution } from '../backends/execution'
import type { Best, CheckpointContext } from '../callbacks/checkpoints'
import type { Dataset, PairSplit } from '../data/dataset'
import type { Schedule } from '../loop/schedule'
import { readCheckpoint, type CheckpointMeta, type CheckpointProgress, type HashAlgorithm } from './checkpointFile'
import { Fingerprint } from './fingerprint'

export interface Restored {
  progress: CheckpointProgress
  steps: number
  best: Best | undefined
}

/** What a checkpoint says of the model and of the data it was trained on. The hash of the data is made when it is read. */
export function checkpointContext(
  config: ExperimentConfig,
  { splits: { train }, width, featureColumns, users, trainedUsers }: Dataset,
  algorithm: HashAlgorithm = 'xxh64',
): CheckpointContext {
  const fingerprint = fingerprints.get(train) ?? new Fingerprint(train)
  fingerprints.set(train, fingerprint)
  return {
    format: 1,
    model_name: config.model_name,
    model: modelSection(config),
    width,
    ...(config.data.embedder && { embedder: config.data.embedder }),
    feature_columns: [...featureColumns],
    users: users.slice(0, trainedUsers),
    get train_hash() {
      return fingerprint.by(algorithm)
    },
  }
}

/** Runs of several seeds share their data, and its hash. */
const fingerprints = new WeakMap<PairSplit, Fingerprint>()

export function modelSection(config: ExperimentConfig): Record<string, unknown> {
  const section: unknown = Reflect.get(config, config.model_name)
  return Object.fromEntries(Object.entries(Object(section)))
}

interface TrainedParts {
  config: ExperimentConfig
  dataset: Dataset
  execution: Execution
  schedule: Schedule
}

/**
 * Puts a run's last checkpoint into a fresh execution and schedule.
 *
 * @throws AppError `not_found` | `unreadable`, and `data_invalid` when the data is no longer what the run was trained on
 */
export function restore(dir: string, { config, dataset, execution, schedule }: TrainedParts): Restored {
  const folder = path.join(dir, RUN_FILES.checkpoints)
  const { meta, arrays } = readCheckpoint(folder, 'last')
  const { progress } = meta
  if (!progress)
    throw new AppError('unreadable', `${folder}/last.json does not say how far training had come`, { file: folder })
  refuseChangedData(meta, config, dataset)
  const { steps } = meta
  execution.load({ parameters: arrays, optimizer: arrays, steps })
  if (progress.schedule) schedule.restore(progress.schedule)
  return { progress, steps, best: restoreBest(folder) }
}

/** The best epoch by its own file, which a crash may have left newer than `last`; none where it cannot be read. */
function restoreBest(folder: string): Best | undefined {
  try {
    const { meta, arrays } = readCheckpoint(folder, 'best')
    return meta.val && { epoch: meta.epochs - 1, steps: meta.steps, val: meta.val, arrays, written: true }
  } catch {
    return undefined
  }
}

/** @throws AppError `data_invalid` when a checkpoint was made with another model or other data */
export function refuseChangedData(trainedOn: CheckpointMeta, config: ExperimentConfig, dataset: Dataset): void {
  const now = checkpointContext(config, dataset, trainedOn.train_hash.startsWith('sha256:') ? 'sha256' : 'xxh64')
  for (const key of KEPT) {
    if (JSON.stringify(trainedOn[key]) === JSON.stringify(now[key])) continue
    throw new AppError('data_invalid', `The ${LABELS[key]} are no longer what the run was trained with`, {
      key,
      fix: 'Put the data back as it was, or start a new run.',
    })
  }
}

const KEPT = ['model_name', 'model', 'width', 'feature_columns', 'users', 'train_hash'] as const

const LABELS = {
  model_name: 'model',
  model: 'model settings',
  width: 'text vectors',
  feature_columns: 'user features',
  users: 'users',
  train_hash: 'training pairs or their vectors',
} as const
