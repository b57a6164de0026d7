import { btSchema } from '../../shared/config/models/baselines'
import type { ExperimentConfig } from '../../shared/config/experiment'
import { trainerSchema } from '../../shared/config/trainer'
import { AppError } from '../../shared/errors'
import type { Execution, NamedArray } from '../backends/execution'
import { openBackend, type Backend } from '../backends/openBackend'
import { EarlyStopping } from '../callbacks/earlyStopping'
import type { Dataset } from '../data/dataset'
import { START, fit, scheduleOf, type Callback } from '../loop/fit'

/**
 * How the yardstick is trained: always alike, whatever the run's own settings are, so that it is the same for all runs on a data set.
 * bt is convex and starts at zero; on convarg this reaches a lower val_loss in ten epochs than 100 epochs at a rate of 2e-3. Steps
 * are bounded so that large data costs seconds.
 */
const TRAINER = trainerSchema.parse({
  max_epochs: 10,
  max_steps: 5_000,
  batch_size: 512,
  learning_rate: 0.1,
  scheduler: 'cosine',
  patience: 3,
})

/** The non-personalised model every evaluation shows beside the run's own: one linear reward for all users, on top of the same r*. */
export interface Baseline {
  execution: Execution
  close(): void
}

/**
 * Trains bt on the data set and leaves it at its epoch of the lowest validation loss.
 *
 * @param backend that the data is ready for. One without fused kernels is left for them where they are to be had
 * @returns undefined where it diverges (vectors of a scale far from 1), or where it was stopped
 */
export async function trainBaseline(
  config: ExperimentConfig,
  dataset: Dataset,
  backend: Pick<Backend, 'name' | 'execute'>,
  stop: AbortSignal,
): Promise<Baseline | undefined> {
  const { exp_name, exp_version, rw_model_name, data } = config
  const bt: ExperimentConfig = {
    ...{ exp_name, exp_version, rw_model_name, data, features: 'none', threads: config.threads },
    model_name: 'bt',
    bt: btSchema.parse({}),
    trainer: { ...TRAINER, table_dtype: config.trainer.table_dtype },
    backend: 'auto',
  }
  const baseline = await openBaseline(bt, dataset, backend)
  const { execution } = baseline
  try {
    const best = await lowest(bt, dataset, execution, stop)
    if (stop.aborted) {
      baseline.close()
      return undefined
    }
    if (best) execution.load({ parameters: best })
    return baseline
  } catch (thrown) {
    baseline.close()
    if (AppError.from(thrown).code === 'training_diverged') return undefined
    throw thrown
  }
}

/** On the fused kernels; on the run's own backend where they do not start or have no room for the vectors. */
async function openBaseline(
  bt: ExperimentConfig,
  dataset: Dataset,
  backend: Pick<Backend, 'name' | 'execute'>,
): Promise<Baseline> {
  const on = async ({ execute }: Pick<Backend, 'execute'>, end?: () => void): Promise<Baseline> => {
    const execution = (await execute([bt], dataset))[0]!
    return {
      execution,
      close() {
        execution.dispose()
        end?.()
      },
    }
  }
  if (backend.name === 'fused') return on(backend)
  const fused = await openBackend(bt)
  try {
    return await on(fused, () => fused.close())
  } catch {
    fused.close()
    return on(backend)
  }
}

/** Trains, and returns the parameters of the lowest validation loss; undefined where nothing validates. */
async function lowest(
  { trainer }: ExperimentConfig,
  dataset: Dataset,
  execution: Execution,
  stop: AbortSignal,
): Promise<NamedArray[] | undefined> {
  const { train, dev, test } = dataset.splits
  let best: { loss: number; parameters: NamedArray[] } | undefined
  const keepBest: Callback = {
    async onEpochEnd({ val }) {
      if (val && val.loss < (best?.loss ?? Infinity))
        best = { loss: val.loss, parameters: (await execution.state()).parameters }
    },
  }
  await fit({
    execution,
    train,
    validation: dev ?? test,
    trainer,
    schedule: scheduleOf(train, trainer),
    callbacks: [keepBest, new EarlyStopping(trainer.patience)],
    stop,
    from: START,
  })
  return best?.parameters
}
