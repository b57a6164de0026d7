import path from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import type { ToEngine } from '../shared/api/engineProtocol'
import type { Embedder } from '../shared/config/data'
import type { PredictionSummary } from '../shared/domain/prediction'
import { RUN_FILES } from '../shared/domain/run'
import { AppError } from '../shared/errors'
import type { NamedArray } from './backends/execution'
import { loadBackend } from './backends/tfjs/loadBackend'
import { TfjsExecution } from './backends/tfjs/tfjsExecution'
import { availableTfjs } from './backends/tensorflow/findAddOn'
import { readVocabulary } from './data/bow'
import type { BagOfWords, Dataset, PairSplit } from './data/dataset'
import { dataInvalid } from './data/loadDataset'
import { prepareDataset } from './data/prepare'
import { leakCheck } from './metrics/leakCheck'
import { softplusOfMinus } from './metrics/figures'
import type { Model } from './models/model'
import { createModel } from './models/registry'
import { sizesOf } from './models/sizesOf'
import { needsBagOfWords } from './models/traits'
import { countWords } from './prep/bagOfWords'
import { readCheckpoint, type CheckpointMeta } from './run/checkpointFile'
import { writePredictionTable } from './run/predictions'

type PredictRequest = Extract<ToEngine, { type: 'predict' }>

/**
 * Predicts pairs of a file with a run's best checkpoint. The training data is not needed: users, features and what
 * evaluation keeps of training stand in the checkpoint. Users whom it does not know are the generic user.
 *
 * @throws AppError `data_invalid` when the input does not fit the checkpoint, `not_found`, `unreadable`, `unwritable`
 */
export async function predictRun(request: PredictRequest, stop: AbortSignal): Promise<PredictionSummary> {
  const { config, input } = request
  const { meta, arrays } = readCheckpoint(path.join(request.run, RUN_FILES.checkpoints), 'best')
  refuseOtherEmbedder(meta, request.embedder)
  if (config.rw_model_name !== 'zero_rw')
    throw new AppError('usage', 'This run adds to a base reward, which raw pairs do not have', {
      fix: 'Score the pairs with the same reward model, and evaluate them as a split of the data set.',
    })
  const dataset = await openPairs(request, meta, stop)
  const split = dataset.splits.train
  const model = withStored(createModel(config, sizesOf(dataset)), arrays)
  const execution = new TfjsExecution(model, dataset, config.trainer, await loadBackend(availableTfjs(config.backend)))
  try {
    execution.load({ parameters: arrays })
    const { margins: evaluation, leak } = await leakCheck(execution, split)
    const row = evaluation.z.findIndex((margin) => !Number.isFinite(margin))
    if (row >= 0)
      throw new AppError('data_invalid', `The model gives ${evaluation.z[row]} for row ${row}`, {
        file: input.df_file,
        row,
        fix: 'Its vectors may be on another scale than those of training: embed them with the same model.',
      })
    writePredictionTable(request.output, dataset, split, evaluation)
    const known = new Set(split.users.filter((user) => user < dataset.trainedUsers)).size
    const { z } = evaluation
    return {
      type: 'result',
      runId: request.runId,
      file: request.output,
      pairs: split.pairs,
      known_users: known,
      new_users: new Set(split.users).size - known,
      acc: z.reduce((right, margin) => right + Number(margin > 0), 0) / split.pairs,
      nll: z.reduce((sum, margin) => sum + softplusOfMinus(margin), 0) / split.pairs,
      leaks: leak.leaks,
    }
  } finally {
    execution.dispose()
  }
}

/** Vectors of another model are other numbers, even of the same width: nothing that came out would mean anything. */
function refuseOtherEmbedder({ embedder }: CheckpointMeta, given: Embedder | undefined): void {
  if (!embedder || !given) return
  const different = (['provider', 'model', 'dim', 'normalized'] as const).filter((key) => embedder[key] !== given[key])
  if (different.length === 0) return
  throw new AppError('data_invalid', 'These vectors are not of the embedder that the run was trained with', {
    key: 'embedder',
    findings: different.map((key) => `${key}: ${String(embedder[key])} in the run, ${String(given[key])} here`),
    fix: 'Embed the texts with the embedder of the run.',
  })
}

/** The input as a data set whose users are those of the checkpoint, and then the new ones. */
async function openPairs({ config, input }: PredictRequest, meta: CheckpointMeta, stop: AbortSignal): Promise<Dataset> {
  const { data } = config
  const { dataset, report } = await prepareDataset(
    {
      dts_name: path.basename(input.df_file),
      dts_path: data.dts_path,
      prefix_columns: data.prefix_columns,
      train: input,
    },
    { features: meta.feature_columns.length === 0 ? 'none' : meta.feature_columns, signal: stop },
  )
  if (!dataset) throw asInput(dataInvalid(path.basename(input.df_file), report.problems))
  if (dataset.width !== meta.width)
    throw new AppError('data_invalid', `The vectors have ${dataset.width} numbers, those of the run ${meta.width}`, {
      file: input.emb_file,
      fix: 'Embed the texts with the embedder of the run.',
    })
  const known = new Map(meta.users.map((user, row) => [user, row]))
  const users = [...meta.users, ...dataset.users.filter((user) => !known.has(user))]
  const rowOf = new Map(users.map((user, row) => [user, row]))
  const own = dataset.splits.train
  const split: PairSplit = { ...own, users: own.users.map((user) => rowOf.get(dataset.users[user]!)!) }
  const complete = { ...dataset, users, trainedUsers: meta.users.length, splits: { train: split } }
  return needsBagOfWords(config) ? withWords(complete, config.data.vocab_file, input.text_file, stop) : complete
}

async function withWords(
  dataset: Dataset,
  vocabFile: string | undefined,
  textFile: string,
  stop: AbortSignal,
): Promise<Dataset> {
  if (vocabFile === undefined)
    throw new AppError('config_invalid', 'The run names no vocabulary', { key: 'vocab_file' })
  const vocabulary = await readVocabulary(vocabFile)
  const { offsets, indices, counts } = await countWords(textFile, vocabulary, { signal: stop })
  const bow: BagOfWords = {
    file: textFile,
    rows: offsets.length - 1,
    words: vocabulary.length,
    offsets,
    indices,
    counts: Float32Array.from(counts),
  }
  return { ...dataset, vocabulary, splits: { train: { ...dataset.splits.train, bow } } }
}

/** The model with what evaluation keeps of training (caimira's centre) taken from the checkpoint. */
function withStored(model: Model, arrays: readonly NamedArray[]): Model {
  const trained = new Set(model.parameters.map(({ name }) => name))
  const kept = arrays.filter(({ name }) => !trained.has(name))
  return {
    ...model,
    freeze: () => Object.fromEntries(kept.map(({ name, shape, values }) => [name, tf.tensor(values, [...shape])])),
  }
}

/** The data layer knows the pairs as a training split; the person gave a file. */
function asInput({ code, message, details, cause }: AppError): AppError {
  const say = (text: string): string => text.replaceAll(/\b(the )?train split\b/g, 'the input')
  return new AppError(code, say(message), details, cause)
}
