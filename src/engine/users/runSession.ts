import path from 'node:path'
import type { ToEngine, Work } from '../../shared/api/engineProtocol'
import type { ExperimentConfig } from '../../shared/config/experiment'
import { EVALUATED_SPLITS, type EvaluatedSplit } from '../../shared/domain/evaluation'
import { RUN_FILES } from '../../shared/domain/run'
import type { Adaptation } from '../../shared/domain/adaptation'
import { CELL_CHARACTERS, MOST_CHARACTERS_SHOWN } from '../../shared/domain/browse'
import type { UserId } from '../../shared/domain/dataset'
import type { DimensionProfile } from '../../shared/domain/dimensionMatch'
import { MOST_USER_PAIRS, type PairList } from '../../shared/domain/userPairs'
import type {
  Dimension,
  Dimensions,
  ExplainedPair,
  UserDetail,
  UserMap,
  UsersAnswer,
  UsersQuestion,
  UsersTable,
  Why,
} from '../../shared/domain/users'
import { AppError } from '../../shared/errors'
import { adaptUsers, pairsByUser, refuseSameForAll } from '../adapt/adaptUsers'
import type { Evaluation } from '../backends/execution'
import { availableTfjs } from '../backends/tensorflow/findAddOn'
import { openTfjs } from '../backends/tfjs/openTfjs'
import { loadBackend } from '../backends/tfjs/loadBackend'
import { TfjsExecution } from '../backends/tfjs/tfjsExecution'
import type { Dataset, EmbeddingTable, PairSplit } from '../data/dataset'
import { trainBaseline, type Baseline } from '../evaluate/baseline'
import { readCategories } from '../evaluate/categories'
import type { Model } from '../models/model'
import { topWords } from '../models/ntm/topWords'
import { createModel } from '../models/registry'
import { sizesOf } from '../models/sizesOf'
import { openData } from '../openData'
import { readCheckpoint, type CheckpointMeta } from '../run/checkpointFile'
import { refuseChangedData } from '../run/resume'
import { answerLoads } from './answerLoads'
import { dimensionEnds, type LoadedRow, type LoadedUser } from './dimensionEnds'
import { dimensionMatch, dimensionProfile } from './dimensionMatch'
import { orderedPairs, type OrderedPairs } from './pairOrder'
import { principalAxes } from './principalAxes'
import { SplitTexts } from './splitTexts'
import { contributions, pairAt, probability, type SplitView } from './splitView'
import { usersTable } from './usersTable'
import { againstAll, meanVector, nearestUsers, vectorOf, type UserVectors } from './userVectors'

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
  readonly #model: Model
  readonly #views = new Map<EvaluatedSplit, Promise<SplitView>>()
  readonly #tables = new Map<EvaluatedSplit, Promise<UsersTable>>()
  readonly #planes = new Map<UserMap['method'], Promise<Pick<UserMap, 'x' | 'y' | 'explained'>>>()
  #baseline: Promise<Baseline | undefined> | undefined
  readonly #texts = new Map<string, Promise<SplitTexts>>()
  #listed: { key: string; list: OrderedPairs } | undefined
  #factors: UserVectors | null | undefined

  private constructor(
    config: ExperimentConfig,
    dataset: Dataset,
    execution: TfjsExecution,
    meta: CheckpointMeta,
    model: Model,
    stop: AbortSignal,
  ) {
    this.#config = config
    this.#dataset = dataset
    this.#execution = execution
    this.#meta = meta
    this.#model = model
    this.#stop = stop
  }

  /**
   * @throws AppError `not_found` for a run without checkpoint, `data_invalid` where the training data has changed since, `unreadable`,
   * `stopped`
   */
  static async open({ config, run }: Extract<ToEngine, { type: 'inspect' }>, stop: AbortSignal): Promise<RunSession> {
    const { meta, arrays } = readCheckpoint(path.join(run, RUN_FILES.checkpoints), config.trainer.test_on)
    const { dataset } = await openData(config, stop)
    refuseChangedData(meta, config, dataset)
    const model = createModel(config, sizesOf(dataset))
    const execution = new TfjsExecution(
      model,
      dataset,
      config.trainer,
      await loadBackend(availableTfjs(config.backend)),
    )
    execution.load({ parameters: arrays })
    return new RunSession(config, dataset, execution, meta, model, stop)
  }

  /** @param stop aborted when nobody waits for this answer any more, which is then `stopped` */
  async answer(question: UsersQuestion, stop: AbortSignal, onWork: (work: Work) => void): Promise<UsersAnswer> {
    try {
      switch (question.type) {
        case 'table':
          return { type: 'table', table: await this.#table(question.split) }
        case 'map':
          return { type: 'map', map: await this.#map(question) }
        case 'user':
          return { type: 'user', user: await this.#user(question) }
        case 'dimensions':
          return { type: 'dimensions', dimensions: await this.#dimensions(question.split) }
        case 'profile':
          return { type: 'profile', profile: await this.#profile(question.split) }
        case 'match':
          return { type: 'match', match: dimensionMatch(question.with, await this.#profile(question.split)) }
        case 'pairs':
          return { type: 'pairs', list: await this.#pairs(question) }
        case 'adapt':
          return { type: 'adapt', adaptation: await this.#adapt(question, stop, onWork) }
        case 'pair':
          return { type: 'pair', pair: await this.#pair(question) }
        case 'prefer':
          return { type: 'prefer', why: await this.#prefer(question) }
      }
    } catch (thrown) {
      return { type: 'error', error: AppError.from(thrown).toJSON() }
    }
  }

  async close(): Promise<void> {
    const baseline = await this.#baseline?.catch(() => undefined)
    baseline?.close()
    for (const texts of this.#texts.values()) await texts.then((one) => one.close()).catch(() => {})
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
    try {
      const backend = await openTfjs(availableTfjs(this.#config.backend))
      return await trainBaseline(this.#config, this.#dataset, backend, this.#stop)
    } catch (thrown) {
      // Asked again, it is tried again.
      this.#baseline = undefined
      throw thrown
    }
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
    const plane = await this.#plane(factors, method)
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

  /** Of all users whom training knows: computed once for every split. */
  #plane(factors: UserVectors, method: UserMap['method']): Promise<Pick<UserMap, 'x' | 'y' | 'explained'>> {
    return kept(this.#planes, method, async () => {
      if (method === 'pca') return principalAxes(factors.values, factors.dimensions)
      const { umapPlane } = await import('./umapPlane')
      return { ...(await umapPlane(factors, this.#stop)), explained: null }
    })
  }

  async #user({ split: name, user: id }: Extract<UsersQuestion, { type: 'user' }>): Promise<UserDetail> {
    const { users, splits } = await this.#table(name)
    const row = users.find(({ u_id }) => u_id === id) ?? users.find(({ u_id }) => String(u_id) === String(id))
    if (!row) throw noUser(id, name)
    const view = await this.#view(name)
    const { split, margins } = view
    const texts = await this.#textsOf(name)
    const number = this.#dataset.users.indexOf(row.u_id)
    const own = Array.from(split.users.keys()).filter((at) => split.users[at] === number)
    const { z } = margins
    own.sort((a, b) => z[a]! - z[b]!)
    const factors = this.#userFactors()
    const vector = factors && (row.known ? vectorOf(factors, number) : meanVector(factors))
    return {
      user: row,
      splits,
      model_name: this.#config.model_name,
      embedder: this.#config.data.embedder ?? null,
      pairs: own.slice(0, MOST_USER_PAIRS).map((at) => pairAt(view, texts, at)),
      vector: factors && vector && againstAll(factors, vector),
      nearest: factors && row.known ? this.#nearest(factors, number) : [],
    }
  }

  #nearest(factors: UserVectors, user: number): UserDetail['nearest'] {
    const { users, splits } = this.#dataset
    const pairs = new Int32Array(users.length)
    for (const one of splits.train.users) pairs[one]!++
    return nearestUsers(factors, user, NEAREST).map(({ user: other, distance }) => ({
      ...{ u_id: users[other]!, distance, train_pairs: pairs[other]! },
    }))
  }

  async #dimensions(name: EvaluatedSplit): Promise<Dimensions> {
    const { split } = await this.#view(name)
    const texts = await this.#textsOf(name)
    const { users: ids, vocabulary } = this.#dataset
    const { model_name } = this.#config
    const factors = this.#userFactors()
    const ends = factors
      ? dimensionEnds(split, factors, (rows) => this.#execution.explain(split, rows)).map(
          ({ highest, lowest, largest, smallest }): Dimension => {
            const read = ({ row, ...loads }: LoadedRow): Dimension['highest'][number] => ({
              text: texts.at(row, CELL_CHARACTERS),
              ...loads,
            })
            const called = ({ user, value }: LoadedUser): Dimension['largest'][number] => ({ u_id: ids[user]!, value })
            return {
              highest: highest.map(read),
              lowest: lowest.map(read),
              largest: largest.map(called),
              smallest: smallest.map(called),
            }
          },
        )
      : []
    const topics =
      model_name === 'ntm' && vocabulary
        ? topWords((await this.#execution.state()).parameters, vocabulary, TOPIC_WORDS)
        : null
    return { model_name, dimensions: ends, topics }
  }

  async #profile(name: EvaluatedSplit): Promise<DimensionProfile> {
    const { split } = await this.#view(name)
    const texts = await this.#textsOf(name)
    const factors = this.#userFactors()
    const answers = factors && answerLoads(split, factors.dimensions, (rows) => this.#execution.explain(split, rows))
    return dimensionProfile(this.#config.model_name, this.#dataset.users, factors, answers, (row) => texts.at(row))
  }

  async #pairs({
    split: name,
    of,
    order,
    offset,
    limit,
  }: Extract<UsersQuestion, { type: 'pairs' }>): Promise<PairList> {
    const view = await this.#view(name)
    const key = JSON.stringify([name, of, order])
    // Parts of a list follow each other; another list takes its place.
    if (this.#listed?.key !== key)
      this.#listed = { key, list: orderedPairs(view.margins.z, view.categories, of, order) }
    const { rows, right, confidence } = this.#listed.list
    const texts = await this.#textsOf(name)
    return {
      ...{ total: rows.length, right, confidence },
      rows: Array.from(rows.subarray(offset, offset + limit), (at) => ({
        ...pairAt(view, texts, at),
        u_id: this.#dataset.users[view.split.users[at]!]!,
      })),
    }
  }

  async #adapt(
    { split: name, user, ...options }: Extract<UsersQuestion, { type: 'adapt' }>,
    stop: AbortSignal,
    onWork: (work: Work) => void,
  ): Promise<Adaptation> {
    refuseSameForAll(this.#model, this.#config.model_name)
    const { split, baseline } = await this.#view(name)
    const { users, trainedUsers } = this.#dataset
    const one = user === null ? undefined : users.indexOf(user)
    const byUser = pairsByUser(split, (number) => (one === undefined ? number >= trainedUsers : number === one))
    if (byUser.size === 0 && user !== null) throw noUser(user, name)
    if (byUser.size === 0)
      throw new AppError('usage', `Training knows every user of ${name}`, {
        fix: 'Choose a split with new users, or open one user to see how fast they would be known if they were new.',
      })
    return adaptUsers({ execution: this.#execution, split, byUser }, users, baseline, options, stop, onWork)
  }

  async #pair({ split: name, row }: Extract<UsersQuestion, { type: 'pair' }>): Promise<ExplainedPair> {
    const { split, margins } = await this.#view(name)
    if (row >= split.pairs)
      throw new AppError('out_of_range', `${name} has ${split.pairs} pairs, and none with the number ${row}`, { row })
    const texts = await this.#textsOf(name)
    return {
      row,
      prompt: texts.at(split.prompts[row]!, MOST_CHARACTERS_SHOWN),
      chosen: texts.at(split.chosen[row]!, MOST_CHARACTERS_SHOWN),
      rejected: texts.at(split.rejected[row]!, MOST_CHARACTERS_SHOWN),
      ...this.#why(split, row, margins),
    }
  }

  async #prefer(question: Extract<UsersQuestion, { type: 'prefer' }>): Promise<Why> {
    const { trainedUsers, width, users, featureColumns } = this.#dataset
    if (this.#config.model_name === 'ntm')
      throw new AppError('usage', 'This model reads words, not vectors: pasted answers cannot be predicted with it')
    if (this.#config.rw_model_name !== 'zero_rw')
      throw new AppError('usage', 'This run adds to a base reward, which pasted answers do not have', {
        fix: 'Score the pairs with the same reward model, and evaluate them as a split of the data set.',
      })
    if (this.#model.batchDependent)
      throw new AppError('usage', 'This model judges a pair by its neighbours, of which pasted answers have none')
    const { split } = await this.#view(question.split)
    const user = users.indexOf(question.user)
    if (user < 0) throw noUser(question.user, question.split)
    const vectors = [question.prompt, question.first, question.second]
    if (vectors.some((vector) => vector.length !== width))
      throw new AppError('data_invalid', `These vectors do not have ${width} numbers as those of the run do`)
    const table: EmbeddingTable = {
      ...{ file: 'pasted answers', rows: vectors.length, width, stride: width, dtype: 'float32' },
      values: Float32Array.from(vectors.flat()),
    }
    // The features are the user's own, as in any of their pairs.
    const known = split.users.indexOf(user)
    const F = featureColumns.length
    const pair: PairSplit = {
      ...{ name: question.split, pairs: 1, table, ids: null },
      users: Int32Array.of(Math.min(user, trainedUsers)),
      prompts: Int32Array.of(0),
      chosen: Int32Array.of(1),
      rejected: Int32Array.of(2),
      features: split.features && known >= 0 ? split.features.slice(known * F, (known + 1) * F) : null,
    }
    try {
      return this.#why(pair, 0, await this.#execution.evaluate(pair))
    } finally {
      this.#execution.forget(table)
    }
  }

  #why(split: PairSplit, row: number, { z, rewardMargin, deltaMargin }: Evaluation): Why {
    const parts = this.#execution.explain(split, Int32Array.of(row))
    return {
      ...{ z: z[row]!, p: probability(z[row]!), r_diff: rewardMargin[row]!, delta_diff: deltaMargin[row]! },
      dimensions: parts && contributions(parts),
    }
  }

  #textsOf(name: EvaluatedSplit): Promise<SplitTexts> {
    const file = this.#config.data[name]?.text_file ?? this.#config.data.train.text_file
    return kept(this.#texts, file, () => SplitTexts.read(file, this.#stop))
  }

  /** What each user whom training knows brings to δ; null where the model has nothing of the kind. */
  #userFactors(): UserVectors | null {
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
    return (this.#factors = parts && { dimensions: parts.dimensions, values: parts.user })
  }
}

const NEAREST = 10
const TOPIC_WORDS = 10

const noUser = (id: UserId, split: EvaluatedSplit): AppError =>
  new AppError('not_found', `${split} has no user "${String(id).slice(0, 200)}"`, {
    fix: 'The Users page lists those that it has; another split may have this one.',
  })

/** Made once; what failed is tried again when it is next asked for. */
function kept<K, V>(known: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const found = known.get(key)
  if (found) return found
  const made = make()
  known.set(key, made)
  made.catch(() => known.delete(key))
  return made
}
