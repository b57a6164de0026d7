import type { BackendChoice, ExperimentConfig } from '../../shared/config/experiment'
import { AppError } from '../../shared/errors'
import type { Dataset } from '../data/dataset'
import type { AllocateTable } from '../data/embeddingTable'
import { Heap } from '../kernels/heap'
import { Machine, NOT_HERE, bestBuild, defaultThreads } from '../kernels/machine'
import type { FusedModel } from '../models/fused'
import { createFusedModel } from '../models/fusedRegistry'
import { sizesOf } from '../models/sizesOf'
import { hasFusedForm } from '../models/traits'
import type { Execution } from './execution'
import { tableIn } from './fused/fusedData'
import { FusedExecution } from './fused/fusedExecution'
import { FusedGroup } from './fused/fusedGroup'
import { fasterOf } from './fasterOf'
import { graphicsCard } from './tensorflow/device'
import { findAddOn } from './tensorflow/findAddOn'

/** A backend, chosen before the data is read: it may own the memory that vectors are read into. */
export interface Backend {
  readonly name: string
  /** Why this one, for the run's log. */
  readonly why: string
  /** Whether it computes on a graphics card. */
  readonly onCard?: boolean
  /** Whether executions made at once train in one pass; else they are better made one after the other. */
  readonly together: boolean
  /** Where embedding tables go; ordinary memory if absent. */
  readonly allocate?: AllocateTable
  /** Executions of configurations that differ in nothing but what may differ within one pass. */
  execute(configs: readonly ExperimentConfig[], dataset: Dataset): Promise<Execution[]>
  close(): void
}

/**
 * `auto` takes the fused kernels for models that have a fused form, and tfjs for the others; where TensorFlow is set up for a
 * graphics card, the card for the others, and the faster of both for the first.
 *
 * @throws AppError `backend_unavailable`
 */
export async function openBackend(config: ExperimentConfig): Promise<Backend> {
  const { backend } = config
  if (backend === 'fused') return fusedBackend(config)
  if (backend !== 'auto') return openTfjs(backend, config)
  const fused = hasFusedForm(config) ? fusedIfItStarts(config) : undefined
  if (findAddOn()?.kind !== 'gpu' || !graphicsCard()) return fused ?? openTfjs('auto', config)
  if (fused) return fasterOf(fused, () => openTfjs('tensorflow', config))
  return onCardOrElse(config)
}

/** For models without a fused form, which a card trains faster in any case. */
async function onCardOrElse(config: ExperimentConfig): Promise<Backend> {
  try {
    return await openTfjs('tensorflow', config)
  } catch (cause) {
    const other = await openTfjs('auto', config)
    return { ...other, why: `${other.why}; the graphics card was tried and failed: ${AppError.from(cause).message}` }
  }
}

/** Half of the engine's code, and needed for little: loaded where it is used. */
async function openTfjs(choice: BackendChoice, { trainer }: ExperimentConfig): Promise<Backend> {
  return (await import('./tfjs/openTfjs')).openTfjs(choice, trainer.card_memory)
}

function fusedIfItStarts(config: ExperimentConfig): Backend | undefined {
  try {
    return fusedBackend(config)
  } catch {
    // No SIMD, or no room for the addresses of its heap: tfjs asks for less.
    return undefined
  }
}

function fusedBackend(config: ExperimentConfig): Backend {
  if (!hasFusedForm(config))
    throw new AppError('backend_unavailable', `${config.model_name} has no fused form`, {
      fix: 'Take --backend auto, wasm or cpu.',
    })
  const heap = openHeap()
  /** By their threads: a small model waits for no more of them than are of use to it. */
  const machines = new Map<number, Machine>()
  return {
    name: 'fused',
    together: true,
    why: 'closed-form steps on SIMD kernels, the fastest on a CPU',
    allocate: tableIn(heap),
    async execute(configs, dataset) {
      const [first] = configs
      if (!first) return []
      const sizes = sizesOf(dataset)
      const models = configs.map((one) => {
        const model = createFusedModel(one, sizes)
        if (!model) throw new Error(`${one.model_name} has no fused form`)
        return { model, trainer: one.trainer }
      })
      refuseOtherBatches(models, configs)
      // What these runs' batches hold, and not those of whom the backend was opened for: buffers are made for it.
      const { batch_size } = first.trainer
      const threads =
        first.threads ??
        usefulThreads(
          models.map(({ model }) => model),
          dataset,
          batch_size,
        )
      const machine = machines.get(threads) ?? (await Machine.start(heap, threads))
      machines.set(threads, machine)
      const group = new FusedGroup(machine, dataset, {
        batchSize: batch_size,
        prompts: models.some(({ model }) => model.prompts),
        normalised: models.some(({ model }) => model.normalised),
      })
      return models.map(({ model, trainer }) => new FusedExecution(group, model, trainer))
    },
    close() {
      for (const machine of machines.values()) machine.close()
    },
  }
}

/** Runs of one pass may differ in everything (seeds, rates, λ, K, even the model) but in what a batch is. */
function refuseOtherBatches(models: readonly { model: FusedModel }[], configs: readonly ExperimentConfig[]): void {
  const batches = models.map(({ model: { prompts, normalised } }, i) =>
    JSON.stringify({ prompts, normalised, size: configs[i]!.trainer.batch_size }),
  )
  if (new Set(batches).size > 1) throw new Error('runs of one pass must train on the same batches')
}

function openHeap(): Heap {
  try {
    bestBuild()
    return new Heap()
  } catch (cause) {
    throw new AppError('backend_unavailable', 'The fused engine does not start here', NOT_HERE, cause)
  }
}

/** Multiply-adds of a step that are worth a thread: less than this takes less time than the threads' meetings. */
const WORTH_A_THREAD = 500_000

function usefulThreads(
  models: readonly FusedModel[],
  { splits: { train }, width }: Dataset,
  batchSize: number,
): number {
  const rows = models
    .flatMap(({ parameters, textWeights }) => parameters.filter(({ name }) => textWeights.includes(name)))
    .reduce((sum, { shape }) => sum + shape[0]!, 0)
  const texts = Math.min(2 * Math.min(batchSize, train.pairs), train.table.rows)
  return Math.max(1, Math.min(defaultThreads(), Math.floor((2 * texts * width * rows) / WORTH_A_THREAD)))
}
