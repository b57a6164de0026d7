import type { ExperimentConfig } from '../../shared/config/experiment'
import type { EvaluatedSplit, Evaluation } from '../../shared/domain/evaluation'
import { AppError } from '../../shared/errors'
import type { Backend } from '../backends/openBackend'
import type { Evaluation as Margins, Execution } from '../backends/execution'
import type { Dataset, PairSplit } from '../data/dataset'
import { halfSwapped, leakOf, type LeakCheck } from '../metrics/leakCheck'
import { trainBaseline, type Baseline } from './baseline'
import { readCategories, type Category } from './categories'
import { withGenericUser, withShuffledUsers } from './controls'
import { keysOf } from '../run/predictions'
import { rightOf, type Rival, type SplitToEvaluate } from './evaluateSplit'
import { Votes } from './majority'
import { SplitThreads } from './splitThreads'
import { SplitWork, type SplitGiven, type SplitTask } from './splitWork'
import { TextKeys } from './textKeys'

export interface SplitRequest {
  split: EvaluatedSplit
  resamples: number
}

/** What a model says of a split, as it is and otherwise presented. */
export interface Judged {
  /** Of the split itself. */
  margins: Margins
  leak: LeakCheck
  /** Of the same pairs with other users. */
  controls: SplitTask['rivals']
}

export interface EvaluationRequest extends SplitRequest {
  judged: Judged
  checkpoint: Evaluation['checkpoint']
  /** The run's folder, where predictions and figures are to be written. */
  record?: string
}

/** The split with its users taken away, by which the model is its own rival. */
interface Control {
  name: Judged['controls'][number]['name']
  split: PairSplit
}

interface PreparedSplit {
  given: SplitGiven
  /** On this thread; made when it is first needed. */
  work?: SplitWork
  /** None where no user is known. */
  controls: readonly Control[]
}

/**
 * Evaluates runs on one data set. What is the same for all of them (the bt yardstick, other people's votes, which prompts are known)
 * is made once, when it is first needed.
 */
export class Evaluator {
  readonly #config: ExperimentConfig
  readonly #dataset: Dataset
  readonly #backend: Pick<Backend, 'name' | 'execute'>
  readonly #stop: AbortSignal
  readonly #threads: SplitThreads
  readonly #keys: TextKeys
  readonly #splits = new Map<string, Promise<PreparedSplit>>()
  #baseline: Promise<Baseline | undefined> | undefined
  #votes: Votes | undefined
  #prompts: ReadonlySet<number> | undefined

  /** @param threads beside this one that work out figures: worth their start where there are many runs */
  constructor(
    config: ExperimentConfig,
    dataset: Dataset,
    backend: Pick<Backend, 'name' | 'execute'>,
    stop: AbortSignal,
    threads = 0,
  ) {
    this.#config = config
    this.#dataset = dataset
    this.#backend = backend
    this.#stop = stop
    this.#threads = new SplitThreads(threads)
    this.#keys = new TextKeys(dataset)
  }

  /** Asks the model for its margins. Undefined when stopped. */
  async judge(execution: Execution, { split: name, resamples }: SplitRequest): Promise<Judged | undefined> {
    const split = this.#splitOf(name)
    const prepared = await this.#prepared(name, resamples)
    if (!prepared) return undefined
    const { swap, half } = halfSwapped(split)
    const { controls } = prepared
    const alike = [split, half, ...controls.map((control) => control.split)]
    const [margins, presented, ...others] = await execution.evaluateAlike(alike)
    if (this.#stop.aborted) return undefined
    return {
      margins: margins!,
      leak: leakOf(swap, margins!, presented!),
      controls: others.map(({ z }, i) => ({ name: controls[i]!.name, z })),
    }
  }

  /**
   * The figures of what a model says, and where a folder is named, its predictions there. Undefined when stopped.
   *
   * @throws AppError `unwritable`
   */
  async evaluate(request: EvaluationRequest): Promise<Evaluation | undefined> {
    const { split, resamples, judged, checkpoint, record: dir } = request
    const prepared = await this.#prepared(split, resamples)
    if (!prepared) return undefined
    const { margins, leak, controls } = judged
    const { z, rewardMargin, deltaMargin } = margins
    const record = dir === undefined ? undefined : { dir, margins: { z, rewardMargin, deltaMargin } }
    const task: SplitTask = { z, rivals: controls, leak, checkpoint, record }
    if (this.#threads.any) return this.#threads.do(keyOf(split, resamples), prepared.given, task)
    return (prepared.work ??= new SplitWork(prepared.given)).do(task)
  }

  /** Ends the threads and gives back what the yardstick holds. */
  async close(): Promise<void> {
    await this.#threads.close()
    const baseline = await this.#baseline?.catch(() => undefined)
    baseline?.close()
  }

  #splitOf(name: EvaluatedSplit): PairSplit {
    const split = this.#dataset.splits[name]
    if (!split) throw new Error(`the data set has no ${name}`)
    return split
  }

  async #prepared(name: EvaluatedSplit, resamples: number): Promise<PreparedSplit | undefined> {
    const key = keyOf(name, resamples)
    const made = this.#splits.get(key) ?? this.#prepare({ ...this.#splitOf(name), name }, resamples)
    this.#splits.set(key, made)
    return made.catch((thrown: unknown) => {
      // A file that was being read when the stop came is no failure of the run.
      if (this.#stop.aborted && AppError.from(thrown).code === 'stopped') return undefined
      throw thrown
    })
  }

  async #prepare(split: PairSplit & { readonly name: EvaluatedSplit }, resamples: number): Promise<PreparedSplit> {
    const { trainedUsers } = this.#dataset
    const known = split.users.some((user) => user < trainedUsers)
    const { name, pairs, users, prompts, chosen, rejected } = split
    return {
      given: {
        split: { name, pairs, users, prompts, chosen, rejected },
        trainedUsers,
        promptSeen: this.#promptSeen(split),
        rivals: await this.#rivals(split),
        categories: await this.#categoriesOf(split),
        resamples,
        keys: keysOf(this.#dataset, split),
      },
      controls: known ? controlsOf(split, this.#dataset) : [],
    }
  }

  /** The yardstick, the base reward, other people. */
  async #rivals(split: PairSplit): Promise<Rival[]> {
    const baseline = await (this.#baseline ??= trainBaseline(this.#config, this.#dataset, this.#backend, this.#stop))
    const rivals: Rival[] = []
    if (baseline) rivals.push(rivalOf('bt', (await baseline.execution.evaluate(split)).z))
    if (split.rewardMargin) rivals.push(rivalOf('base_reward', split.rewardMargin))
    const right = (this.#votes ??= new Votes(this.#dataset, this.#keys)).majority(split)
    if (right.some((vote) => !Number.isNaN(vote))) rivals.push({ name: 'majority', right })
    return rivals
  }

  #categoriesOf({ name, pairs }: SplitToEvaluate['split']): Promise<Category[]> {
    const files = this.#config.data[name]
    if (!files) return Promise.resolve([])
    return readCategories(files.df_file, { pairs }, this.#config.data.prefix_columns, this.#stop)
  }

  #promptSeen({ table, prompts }: PairSplit): Uint8Array {
    const { train } = this.#dataset.splits
    const known = (this.#prompts ??= new Set(train.prompts.map((row) => this.#keys.of(train.table, row))))
    return Uint8Array.from(prompts, (row) => Number(known.has(this.#keys.of(table, row))))
  }
}

function rivalOf(name: Rival['name'], z: Float32Array): Rival {
  return { name, right: rightOf(z), z }
}

const keyOf = (split: EvaluatedSplit, resamples: number): string => `${split} ${resamples}`

function controlsOf(split: PairSplit, dataset: Dataset): Control[] {
  const shuffled = withShuffledUsers(split, dataset)
  return [
    ...(shuffled ? [{ name: 'shuffled_users' as const, split: shuffled }] : []),
    { name: 'generic_user', split: withGenericUser(split, dataset) },
  ]
}
