import path from 'node:path'
import type { ToEngine } from '../../shared/api/engineProtocol'
import type { Recovery } from '../../shared/domain/recovery'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { loadBackend } from '../backends/tfjs/loadBackend'
import { TfjsExecution } from '../backends/tfjs/tfjsExecution'
import type { Dataset, PairSplit } from '../data/dataset'
import { RandomStream } from '../loop/random'
import { createModel } from '../models/registry'
import { sizesOf } from '../models/sizesOf'
import { openData } from '../openData'
import { readCheckpoint } from '../run/checkpointFile'
import { refuseChangedData } from '../run/resume'
import { Questions } from '../simulate/world'
import { matrix, type Matrix64 } from './linearAlgebra'
import { measureRecovery } from './recovery'
import { readTruth, type KnownTruth } from './truth'

/** A question that every user is asked: rows of the text file. */
export interface Probes {
  readonly prompts: Int32Array
  readonly first: Int32Array
  readonly second: Int32Array
}

/** Asks a trained run's best checkpoint what it thinks of every user, and holds that against the truth. */
export async function recoverRun(
  request: Extract<ToEngine, { type: 'recover' }>,
  stop: AbortSignal,
): Promise<Recovery> {
  const truth = readTruth(request.truth)
  const { config } = request
  const { dataset } = await openData(
    { ...config, data: { ...config.data, dev: undefined, test: undefined, test_unseen: undefined } },
    stop,
  )
  const { meta, arrays } = readCheckpoint(path.join(request.run, RUN_FILES.checkpoints), 'best')
  refuseChangedData(meta, config, dataset)
  const users = trueUsers(dataset, truth, request.truth)
  const probes = drawProbes(truth, request.probes, request.seed)
  const execution = new TfjsExecution(
    createModel(config, sizesOf(dataset)),
    dataset,
    config.trainer,
    await loadBackend(config.backend),
  )
  try {
    execution.load({ parameters: arrays })
    const { z } = await execution.evaluate(askEverybody(dataset, probes))
    const figures = measureRecovery(
      {
        model: matrix(dataset.trainedUsers, probes.prompts.length, Float64Array.from(z)),
        users,
        probes: attributeDifferences(truth, probes),
      },
      request.seed,
    )
    return { type: 'result', runId: request.runId, model_name: config.model_name, ...figures }
  } finally {
    execution.dispose()
  }
}

/** [trained users, A]. @throws AppError `data_invalid` when the run was trained on other people or other texts */
function trueUsers(
  { users, trainedUsers, splits }: Dataset,
  { about, users: known }: KnownTruth,
  file: string,
): Matrix64 {
  const wrong = (why: string): AppError =>
    new AppError('data_invalid', `This truth is not that of the run's data: ${why}`, {
      file,
      fix: "Name the simulation's own folder with --truth.",
    })
  if (splits.train.table.rows !== about.options.texts)
    throw wrong(`it knows ${about.options.texts} texts, the run ${splits.train.table.rows}`)
  const A = known.columns
  const out = matrix(trainedUsers, A)
  for (let u = 0; u < trainedUsers; u++) {
    const id = users[u]
    if (typeof id !== 'number' || id < 0 || id >= known.rows) throw wrong(`it does not know the user ${String(id)}`)
    out.values.set(known.values.subarray(id * A, (id + 1) * A), u * A)
  }
  return out
}

function drawProbes({ about }: KnownTruth, count: number, seed: number): Probes {
  const questions = new Questions(about.options)
  const stream = new RandomStream(seed, 'recover/probes')
  const probes = { prompts: new Int32Array(count), first: new Int32Array(count), second: new Int32Array(count) }
  for (let p = 0; p < count; p++) {
    const question = stream.below(questions.count)
    const prompt = questions.prompt(question)
    const answers = questions.answers(question)
    const first = stream.below(answers)
    probes.prompts[p] = prompt
    probes.first[p] = prompt + 1 + first
    probes.second[p] = prompt + 1 + ((first + 1 + stream.below(answers - 1)) % answers)
  }
  return probes
}

function attributeDifferences({ attributes }: KnownTruth, { first, second }: Probes): Matrix64 {
  const A = attributes.columns
  const out = matrix(first.length, A)
  for (let p = 0; p < first.length; p++)
    for (let a = 0; a < A; a++)
      out.values[p * A + a] = attributes.values[first[p]! * A + a]! - attributes.values[second[p]! * A + a]!
  return out
}

/** Every trained user answers every probe, users one after the other. */
function askEverybody(dataset: Dataset, { prompts, first, second }: Probes): PairSplit {
  const { train } = dataset.splits
  const P = prompts.length
  const repeated = (values: Int32Array): Int32Array =>
    Int32Array.from({ length: dataset.trainedUsers * P }, (_, i) => values[i % P]!)
  const users = Int32Array.from({ length: dataset.trainedUsers * P }, (_, i) => Math.floor(i / P))
  return {
    name: 'train',
    pairs: users.length,
    table: train.table,
    users,
    prompts: repeated(prompts),
    chosen: repeated(first),
    rejected: repeated(second),
    ids: null,
    features: featuresOf(dataset, users),
    ...(train.bow && { bow: train.bow }),
  }
}

/** A user's features stand in each of their pairs: the first one's are taken. */
function featuresOf(
  { splits: { train }, featureColumns, trainedUsers }: Dataset,
  users: Int32Array,
): Float32Array | null {
  const { features } = train
  if (!features) return null
  const width = featureColumns.length
  const rowOf = new Int32Array(trainedUsers)
  for (let row = train.pairs - 1; row >= 0; row--) rowOf[train.users[row]!] = row
  const out = new Float32Array(users.length * width)
  users.forEach((user, i) => out.set(features.subarray(rowOf[user]! * width, (rowOf[user]! + 1) * width), i * width))
  return out
}
