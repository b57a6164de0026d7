import path from 'node:path'
import type { ToEngine, Work } from '../shared/api/engineProtocol'
import type { ExperimentConfig } from '../shared/config/experiment'
import type { AdaptationResult } from '../shared/domain/adaptation'
import { RUN_FILES } from '../shared/domain/run'
import { AppError } from '../shared/errors'
import { adaptUsers, pairsByUser, refuseSameForAll } from './adapt/adaptUsers'
import { loadBackend } from './backends/tfjs/loadBackend'
import { TfjsExecution } from './backends/tfjs/tfjsExecution'
import { openTfjs } from './backends/tfjs/openTfjs'
import { availableTfjs } from './backends/tensorflow/findAddOn'
import type { Dataset, PairSplit } from './data/dataset'
import { trainBaseline } from './evaluate/baseline'
import { createModel } from './models/registry'
import { sizesOf } from './models/sizesOf'
import { openData } from './openData'
import { readCheckpoint } from './run/checkpointFile'
import { refuseChangedData } from './run/resume'

/** Fits new users on a trained run and tells how well it knows them after k pairs. */
export async function adaptRun(
  request: Extract<ToEngine, { type: 'adapt' }>,
  stop: AbortSignal,
  onWork: (work: Work) => void,
): Promise<AdaptationResult> {
  const { config, user } = request
  // The training split gives the model its statistics, `bt` is chosen on what validates; the new users stand where unseen ones do.
  const data = { ...config.data, test: config.data.dev ? undefined : config.data.test, test_unseen: request.input }
  const { dataset } = await openData({ ...config, data }, stop).catch((thrown: unknown) => {
    throw aboutNewUsers(AppError.from(thrown))
  })
  const split = dataset.splits.test_unseen!
  const { meta, arrays } = readCheckpoint(path.join(request.run, RUN_FILES.checkpoints), config.trainer.test_on)
  refuseChangedData(meta, config, dataset)
  const model = createModel(config, sizesOf(dataset))
  refuseSameForAll(model, config.model_name)
  const byUser = pairsByUser(split, (number) => user === undefined || String(dataset.users[number]) === user)
  if (byUser.size === 0)
    throw new AppError('not_found', `No pair of the file is of a user "${user}"`, { file: request.input.df_file })
  const execution = new TfjsExecution(model, dataset, config.trainer, await loadBackend(availableTfjs(config.backend)))
  execution.load({ parameters: arrays })
  const bt = await marginsOfBaseline(config, dataset, split, stop)
  try {
    const adaptation = await adaptUsers({ execution, split, byUser }, dataset.users, bt, request, stop, onWork)
    return { type: 'result', runId: request.runId, ...adaptation }
  } finally {
    execution.dispose()
  }
}

/** [pairs] margins of one reward for everybody, trained as beside every run; undefined where it diverges. */
async function marginsOfBaseline(
  config: ExperimentConfig,
  dataset: Dataset,
  split: PairSplit,
  stop: AbortSignal,
): Promise<Float32Array | undefined> {
  const baseline = await trainBaseline(config, dataset, await openTfjs(availableTfjs(config.backend)), stop)
  if (!baseline) return undefined
  try {
    return (await baseline.execution.evaluate(split)).z
  } finally {
    baseline.close()
  }
}

/** The data layer knows the new users' pairs as a split; the person gave a file. */
function aboutNewUsers({ code, message, details, cause }: AppError): AppError {
  const say = (text: string): string => text.replaceAll('test_unseen', 'the new users’ pairs')
  const { fix, findings } = details
  return new AppError(
    code,
    say(message),
    { ...details, ...(fix !== undefined && { fix: say(fix) }), ...(findings && { findings: findings.map(say) }) },
    cause,
  )
}
