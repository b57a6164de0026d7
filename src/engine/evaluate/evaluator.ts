import type { ExperimentConfig } from '../../shared/config/experiment'
import type { EvaluatedSplit, Evaluation } from '../../shared/domain/evaluation'
import type { Backend } from '../backends/openBackend'
import type { Evaluation as Margins, Execution } from '../backends/execution'
import type { Dataset, PairSplit } from '../data/dataset'
import type { LeakCheck } from '../metrics/leakCheck'
import { trainBaseline, type Baseline } from './baseline'
import { readCategories, type Category } from './categories'
import { withGenericUser, withShuffledUsers } from './controls'
import { evaluateSplit, rightOf, type Rival } from './evaluateSplit'
import { Votes } from './majority'
import { TextKeys } from './textKeys'

export interface EvaluationRequest {
  execution: Execution
  split: EvaluatedSplit
  /** The model's margins on that split, and its leak check. */
  margins: Margins
  leak: LeakCheck
  checkpoint: Evaluation['checkpoint']
  resamples: number
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
  readonly #keys: TextKeys
  readonly #categories = new Map<string, Promise<Category[]>>()
  readonly #rivals = new Map<string, Promise<Rival[]>>()
  #baseline: Promise<Baseline | undefined> | undefined
  #votes: Votes | undefined
  #prompts: ReadonlySet<number> | undefined

  constructor(
    config: ExperimentConfig,
    dataset: Dataset,
    backend: Pick<Backend, 'name' | 'execute'>,
    stop: AbortSignal,
  ) {
    this.#config = config
    this.#dataset = dataset
    this.#backend = backend
    this.#stop = stop
    this.#keys = new TextKeys(dataset)
  }

  /** Undefined when stopped. */
  async evaluate({
    execution,
    split: name,
    margins,
    leak,
    checkpoint,
    resamples,
  }: EvaluationRequest): Promise<Evaluation | undefined> {
    const split = this.#dataset.splits[name]
    if (!split) throw new Error(`the data set has no ${name}`)
    const same = await this.#sameForAll(split)
    const own = await this.#controls(execution, split)
    const categories = await this.#categoriesOf(split)
    if (this.#stop.aborted) return undefined
    return evaluateSplit({
      split: { ...split, name },
      z: margins.z,
      trainedUsers: this.#dataset.trainedUsers,
      promptSeen: this.#promptSeen(split),
      rivals: [...same, ...own],
      categories,
      leak,
      checkpoint,
      resamples,
    })
  }

  /** Gives back what the yardstick holds. */
  async close(): Promise<void> {
    const baseline = await this.#baseline?.catch(() => undefined)
    baseline?.close()
  }

  /** What does not depend on the model: the yardstick, the base reward, other people. */
  #sameForAll(split: PairSplit): Promise<Rival[]> {
    const known = this.#rivals.get(split.name) ?? this.#makeRivals(split)
    this.#rivals.set(split.name, known)
    return known
  }

  async #makeRivals(split: PairSplit): Promise<Rival[]> {
    const baseline = await (this.#baseline ??= trainBaseline(this.#config, this.#dataset, this.#backend, this.#stop))
    const rivals: Rival[] = []
    if (baseline) rivals.push(rivalOf('bt', (await baseline.execution.evaluate(split)).z))
    if (split.rewardMargin) rivals.push(rivalOf('base_reward', split.rewardMargin))
    const right = (this.#votes ??= new Votes(this.#dataset, this.#keys)).majority(split)
    if (right.some((vote) => !Number.isNaN(vote))) rivals.push({ name: 'majority', right })
    return rivals
  }

  /** The model itself with its users taken away; none where no user of the split is known. */
  async #controls(execution: Execution, split: PairSplit): Promise<Rival[]> {
    const { trainedUsers } = this.#dataset
    if (!split.users.some((user) => user < trainedUsers)) return []
    const shuffled = withShuffledUsers(split, this.#dataset)
    const rivals: Rival[] = []
    if (shuffled) rivals.push(rivalOf('shuffled_users', (await execution.evaluate(shuffled)).z))
    rivals.push(rivalOf('generic_user', (await execution.evaluate(withGenericUser(split, this.#dataset))).z))
    return rivals
  }

  #categoriesOf(split: PairSplit): Promise<Category[]> {
    const files = this.#config.data[split.name]
    if (!files) return Promise.resolve([])
    const known =
      this.#categories.get(split.name) ??
      readCategories(files.df_file, split, this.#config.data.prefix_columns, this.#stop)
    this.#categories.set(split.name, known)
    return known
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
