import type { ExperimentConfig } from '../../shared/config/experiment'
import { AppError } from '../../shared/errors'
import type { Dataset } from '../data/dataset'
import type { AllocateTable } from '../data/embeddingTable'
import { Heap } from '../kernels/heap'
import { Machine, defaultThreads } from '../kernels/machine'
import type { FusedModel } from '../models/fused'
import { createFusedModel, hasFusedForm } from '../models/fusedRegistry'
import { createModel } from '../models/registry'
import { sizesOf } from '../models/sizesOf'
import type { Execution } from './execution'
import { tableIn } from './fused/fusedData'
import { FusedExecution } from './fused/fusedExecution'
import { FusedGroup } from './fused/fusedGroup'
import { loadBackend } from './tfjs/loadBackend'
import { TfjsExecution } from './tfjs/tfjsExecution'

/** A backend, chosen before the data is read: it may own the memory that vectors are read into. */
export interface Backend {
  readonly name: string
  /** Why this one, for the run's log. */
  readonly why: string
  /** Where embedding tables go; ordinary memory if absent. */
  readonly allocate?: AllocateTable
  /** Executions of configurations that differ in nothing but what may differ within one pass. */
  execute(configs: readonly [ExperimentConfig, ...ExperimentConfig[]], dataset: Dataset): Promise<Execution[]>
  close(): void
}

/**
 * `auto` takes the fused kernels for models that have a fused form, and tfjs for the others.
 *
 * @throws AppError `backend_unavailable`
 */
export async function openBackend(config: ExperimentConfig): Promise<Backend> {
  const { backend } = config
  if (backend === 'fused' || (backend === 'auto' && hasFusedForm(config))) return fusedBackend(config)
  const loaded = await loadBackend(backend)
  return {
    name: loaded.name,
    why: loaded.why,
    execute: (configs, dataset) =>
      Promise.resolve(
        configs.map((one) => new TfjsExecution(createModel(one, sizesOf(dataset)), dataset, one.trainer, loaded)),
      ),
    close() {},
  }
}

function fusedBackend(config: ExperimentConfig): Backend {
  if (!hasFusedForm(config))
    throw new AppError('backend_unavailable', `${config.model_name} has no fused form`, {
      fix: 'Take --backend auto, wasm or cpu.',
    })
  const heap = new Heap()
  let machine: Machine | undefined
  return {
    name: 'fused',
    why: 'closed-form steps on SIMD kernels, the fastest on a CPU',
    allocate: tableIn(heap),
    async execute(configs, dataset) {
      const sizes = sizesOf(dataset)
      const models = configs.map((one) => {
        const model = createModel(one, sizes)
        const fused = createFusedModel(one, sizes)
        if (!fused) throw new Error(`${one.model_name} has no fused form`)
        return { model, fused, trainer: one.trainer }
      })
      const threads = config.threads ?? usefulThreads(models, dataset, config.trainer.batch_size)
      machine = await Machine.start(heap, threads)
      const group = new FusedGroup(machine, dataset, {
        batchSize: config.trainer.batch_size,
        prompts: models.some(({ fused }) => fused.prompts),
        normalised: models.some(({ fused }) => fused.normalised),
      })
      return models.map(({ model, fused, trainer }) => new FusedExecution(group, model, fused, trainer))
    },
    close: () => machine?.close(),
  }
}

/** Multiply-adds of a step that are worth a thread: less than this takes less time than the threads' meetings. */
const WORTH_A_THREAD = 500_000

function usefulThreads(
  models: readonly { model: ReturnType<typeof createModel>; fused: FusedModel }[],
  { splits: { train }, width }: Dataset,
  batchSize: number,
): number {
  const rows = models
    .flatMap(({ model, fused }) => model.parameters.filter(({ name }) => fused.textWeights.includes(name)))
    .reduce((sum, { shape }) => sum + shape[0]!, 0)
  const texts = Math.min(2 * Math.min(batchSize, train.pairs), train.table.rows)
  return Math.max(1, Math.min(defaultThreads(), Math.floor((2 * texts * width * rows) / WORTH_A_THREAD)))
}
