import path from 'node:path'
import type { ToEngine } from '../shared/api/engineProtocol'
import type { Evaluation } from '../shared/domain/evaluation'
import { RUN_FILES } from '../shared/domain/run'
import { AppError } from '../shared/errors'
import { openBackend } from './backends/openBackend'
import { availableBackend } from './backends/tensorflow/findAddOn'
import { Evaluator } from './evaluate/evaluator'
import { openData } from './openData'
import { readCheckpoint } from './run/checkpointFile'
import { refuseChangedData } from './run/resume'

/**
 * Evaluates the checkpoint that a run tests on one split, as the run itself does at its end. Nothing is written.
 *
 * @throws AppError `not_found` for a split that the data set lacks or a run without checkpoint, `data_invalid` where the training data has
 * changed since, `stopped`
 */
export async function evaluateRun(
  { config, run, split: name, resamples }: Extract<ToEngine, { type: 'evaluate' }>,
  stop: AbortSignal,
): Promise<Evaluation> {
  const { test_on } = config.trainer
  const { meta, arrays } = readCheckpoint(path.join(run, RUN_FILES.checkpoints), test_on)
  const backend = await openBackend({ ...config, backend: availableBackend(config.backend) })
  try {
    const { dataset } = await openData(config, stop, backend)
    refuseChangedData(meta, config, dataset)
    if (!dataset.splits[name])
      throw new AppError('not_found', `The data set "${config.data.dts_name}" has no split ${name}`, {
        fix: `It has ${Object.keys(dataset.splits).join(', ')}.`,
      })
    const execution = (await backend.execute([config], dataset))[0]!
    const evaluator = new Evaluator(config, dataset, backend, stop)
    try {
      execution.load({ parameters: arrays })
      const asked = { split: name, resamples }
      const judged = await evaluator.judge(execution, asked)
      const checkpoint = { name: test_on, epochs: meta.epochs, steps: meta.steps }
      const evaluation = judged && (await evaluator.evaluate({ ...asked, judged, checkpoint }))
      if (!evaluation) throw new AppError('stopped', 'Stopped')
      return evaluation
    } finally {
      await evaluator.close()
      execution.dispose()
    }
  } finally {
    backend.close()
  }
}
