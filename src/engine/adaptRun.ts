import path from 'node:path'
import type { ToEngine } from '../shared/api/engineProtocol'
import type { Adaptation } from '../shared/domain/adaptation'
import { RUN_FILES } from '../shared/domain/run'
import { AppError } from '../shared/errors'
import { accuracyAgainstK, fitAll } from './adapt/adaptUsers'
import { loadBackend } from './backends/tfjs/loadBackend'
import { TfjsExecution } from './backends/tfjs/tfjsExecution'
import { availableTfjs } from './backends/tensorflow/findAddOn'
import { leakCheck } from './metrics/leakCheck'
import { createModel } from './models/registry'
import { sizesOf } from './models/sizesOf'
import { openData } from './openData'
import { readCheckpoint } from './run/checkpointFile'
import { checkpointContext, refuseChangedData } from './run/resume'

/** Fits new users on a trained run and tells how well it knows them after k pairs. */
export async function adaptRun(request: Extract<ToEngine, { type: 'adapt' }>, stop: AbortSignal): Promise<Adaptation> {
  const { config } = request
  // The training split gives the model its statistics; the new users stand where unseen ones do.
  const data = { ...config.data, dev: undefined, test: undefined, test_unseen: request.input }
  const { dataset } = await openData({ ...config, data }, stop).catch((thrown: unknown) => {
    throw aboutNewUsers(AppError.from(thrown))
  })
  const split = dataset.splits.test_unseen!
  const { meta, arrays } = readCheckpoint(path.join(request.run, RUN_FILES.checkpoints), 'best')
  refuseChangedData(meta, checkpointContext(config, dataset))
  const model = createModel(config, sizesOf(dataset))
  if (!model.parameters.some(({ perUser }) => perUser))
    throw new AppError(
      'usage',
      `${config.model_name} has no user rows: it is the same for everybody, so there is nothing to adapt`,
    )
  const execution = new TfjsExecution(model, dataset, config.trainer, await loadBackend(availableTfjs(config.backend)))
  execution.load({ parameters: arrays })
  const users = fitAll(execution, dataset, split)
  if (!users.some(({ pairs }) => pairs >= 2))
    throw new AppError('data_invalid', 'No user has two pairs: one to learn from and one to judge by are the least', {
      file: request.input.df_file,
    })
  const { leaks } = await leakCheck(execution, split, await execution.evaluate(split))
  const adaptation: Adaptation = {
    type: 'result',
    runId: request.runId,
    users_judged: users.filter(({ pairs }) => pairs >= 2).length,
    pairs: split.pairs,
    repeats: request.repeats,
    leaks,
    curve: accuracyAgainstK(execution, split, request),
    users,
  }
  execution.dispose()
  return adaptation
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
