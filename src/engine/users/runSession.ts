import path from 'node:path'
import type { ToEngine } from '../../shared/api/engineProtocol'
import type { BackendChoice, ExperimentConfig } from '../../shared/config/experiment'
import { EVALUATED_SPLITS, type EvaluatedSplit } from '../../shared/domain/evaluation'
import { RUN_FILES } from '../../shared/domain/run'
import type { UserMap, UsersAnswer, UsersQuestion, UsersTable } from '../../shared/domain/users'
import { AppError } from '../../shared/errors'
import type { Evaluation } from '../backends/execution'
import { openTfjs } from '../backends/tfjs/openTfjs'
import { loadBackend } from '../backends/tfjs/loadBackend'
import { TfjsExecution } from '../backends/tfjs/tfjsExecution'
import type { Dataset, PairSplit } from '../data/dataset'
import { trainBaseline, type Baseline } from '../evaluate/baseline'
import { readCategories, type Category } from '../evaluate/categories'
import { createModel } from '../models/registry'
import { sizesOf } from '../models/sizesOf'
import { openData } from '../openData'
import { readCheckpoint, type CheckpointMeta } from '../run/checkpointFile'
import { checkpointContext, refuseChangedData } from '../run/resume'
import { principalAxes } from './principalAxes'
import { usersTable } from './usersTable'

/** A split as the run's model and the yardstick see it. */
interface SplitView {
  split: PairSplit
  margins: Evaluation
  /** [pairs] margins of `bt`; undefined where it diverged. */
  baseline: Float32Array | undefined
  categories: readonly Category[]
}

/**
 * A trained run held for looking at its users: its data, and the checkpoint that it tests. What a question needs is computed when it is
 * first asked, and kept.
 */
export class RunSession {
  readonly #config: ExperimentConfig
  readonly #dataset: Dataset
  readonly #execution: TfjsExecution
  readonly #meta: CheckpointMeta
  readonly #stop: AbortSignal
  readonly #views = new Map<EvaluatedSplit, Promise<SplitView>>()
  readonly #tables = new Map<EvaluatedSplit, Promise<UsersTable>>()
  #baseline: Promise<Baseline | undefined> | undefined
  #factors: { dimensions: number; vectors: Float32Array } | null | undefined

  private constructor(
    config: ExperimentConfig,
    dataset: Dataset,
    execution: TfjsExecution,
    meta: CheckpointMeta,
    stop: AbortSignal,
  ) {
    this.#config = config
    this.#dataset = dataset
    this.#execution = execution
    this.#meta = meta
    this.#stop = stop
  }

  /**
   * @throws AppError `not_found` for a run without checkpoint, `data_invalid` where the training data has changed since, `unreadable`,
   * `stopped`
   */
  static async open({ config, run }: Extract<ToEngine, { type: 'inspect' }>, stop: AbortSignal): Promise<RunSession> {
    const { meta, arrays } = readCheckpoint(path.join(run, RUN_FILES.checkpoints), config.trainer.test_on)
    const { dataset } = await openData(config, stop)
    refuseChangedData(meta, checkpointContext(config, dataset))
    const execution = new TfjsExecution(
      createModel(config, sizesOf(dataset)),
      dataset,
      config.trainer,
      await loadBackend(tfjsChoice(config)),
    )
    execution.load({ parameters: arrays })
    return new RunSession(config, dataset, execution, meta, stop)
  }

  async answer(question: UsersQuestion): Promise<UsersAnswer> {
    try {
      switch (question.type) {
        case 'table':
          return { type: 'table', table: await this.#table(question.split) }
        case 'map':
          return { type: 'map', map: await this.#map(question) }
      }
    } catch (thrown) {
      return { type: 'error', error: AppError.from(thrown).toJSON() }
    }
  }

  async close(): Promise<void> {
    const baseline = await this.#baseline?.catch(() => undefined)
    baseline?.close()
    this.#execution.dispose()
  }

  #view(name: EvaluatedSplit): Promise<SplitView> {
    return kept(this.#views, name, async () => {
      const split = this.#dataset.splits[name]
      const files = this.#config.data[name]
      if (!split || !files)
        throw new AppError('not_found', `The data set "${this.#dataset.name}" has no split ${name}`, {
          fix: `It has ${this.#splits().join(', ') || 'none but train'}.`,
        })
      const baseline = await (this.#baseline ??= this.#trainBaseline())
      return {
        split,
        margins: await this.#execution.evaluate(split),
        baseline: baseline && (await baseline.execution.evaluate(split)).z,
        categories: await readCategories(files.df_file, split, this.#config.data.prefix_columns, this.#stop),
      }
    })
  }

  async #trainBaseline(): Promise<Baseline | undefined> {
    return trainBaseline(this.#config, this.#dataset, await openTfjs(tfjsChoice(this.#config)), this.#stop)
  }

  #splits(): EvaluatedSplit[] {
    return EVALUATED_SPLITS.filter((name) => this.#dataset.splits[name])
  }

  #table(name: EvaluatedSplit): Promise<UsersTable> {
    return kept(this.#tables, name, async () => {
      const { split, margins, baseline, categories } = await this.#view(name)
      const { users: ids, trainedUsers, splits } = this.#dataset
      const { epochs, steps } = this.#meta
      return {
        split: name,
        splits: this.#splits(),
        checkpoint: { name: this.#config.trainer.test_on, epochs, steps },
        pairs: split.pairs,
        users: usersTable({ ids, trainedUsers, train: splits.train, split, z: margins.z, baseline, categories }),
      }
    })
  }

  async #map({ split, method }: Extract<UsersQuestion, { type: 'map' }>): Promise<UserMap> {
    const { users } = await this.#table(split)
    const factors = this.#userFactors()
    if (!factors) return { method, dimensions: 0, users: [], x: [], y: [], explained: null }
    const rowOf = new Map(this.#dataset.users.map((id, row) => [id, row]))
    const plane = principalAxes(factors.vectors, factors.dimensions)
    const known = users.flatMap(({ u_id, known: has }, place) => (has ? [{ place, row: rowOf.get(u_id)! }] : []))
    return {
      method,
      dimensions: factors.dimensions,
      users: known.map(({ place }) => place),
      x: known.map(({ row }) => plane.x[row]!),
      y: known.map(({ row }) => plane.y[row]!),
      explained: plane.explained,
    }
  }

  /** [trained users, dimensions] what each brings to δ; null where the model has nothing of the kind. */
  #userFactors(): { dimensions: number; vectors: Float32Array } | null {
    if (this.#factors !== undefined) return this.#factors
    const { trainedUsers, featureColumns, splits } = this.#dataset
    // One pair of the same text each: what the user brings does not depend on it.
    const one: PairSplit = {
      ...splits.train,
      pairs: trainedUsers,
      users: Int32Array.from({ length: trainedUsers }, (_, user) => user),
      prompts: new Int32Array(trainedUsers),
      chosen: new Int32Array(trainedUsers),
      rejected: new Int32Array(trainedUsers),
      features: splits.train.features && new Float32Array(trainedUsers * featureColumns.length),
    }
    const parts = this.#execution.explain(one, one.users)
    return (this.#factors = parts && { dimensions: parts.dimensions, vectors: parts.user })
  }
}

/** Reasons need the model's reference form. */
const tfjsChoice = ({ backend }: ExperimentConfig): BackendChoice => (backend === 'fused' ? 'auto' : backend)

/** Made once; what failed is tried again when it is next asked for. */
function kept<K, V>(known: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const found = known.get(key)
  if (found) return found
  const made = make()
  known.set(key, made)
  made.catch(() => known.delete(key))
  return made
}
