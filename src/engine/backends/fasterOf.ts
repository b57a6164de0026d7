import type { ExperimentConfig } from '../../shared/config/experiment'
import type { Dataset } from '../data/dataset'
import type { Execution } from './execution'
import type { Backend } from './openBackend'
import { timeSteps } from './timeSteps'

/** A step of a hundred operations on a card takes no less, however little there is to compute: a faster one is not compared. */
const LEAST_CARD_STEP_MS = 2
/** How long each backend is timed. */
const TIMED_MS = 400

/**
 * The fused backend, or the one on a graphics card where that trains this model on this data faster: both are timed on real steps,
 * which are thrown away. Several configurations at once stay with the fused kernels, which train them in one pass.
 */
export function fasterOf(fused: Backend, openCard: () => Promise<Backend>): Backend {
  let chosen = fused
  let { why } = fused
  let decided = false

  async function decide(config: ExperimentConfig, dataset: Dataset): Promise<void> {
    const onFused = await msPerStep(fused, config, dataset)
    if (onFused < LEAST_CARD_STEP_MS) {
      why = `${fused.why}; a step takes ${text(onFused)}, which a graphics card would not beat`
      return
    }
    let card: Backend | undefined
    try {
      card = await openCard()
      if (card.onCard !== true)
        throw new Error('TensorFlow does not find it (its driver may be older than the library)')
      const onCard = await msPerStep(card, config, dataset)
      if (onCard < onFused) chosen = card
      why = `${chosen.why}; a step takes ${text(onFused)} on the processor and ${text(onCard)} on the card`
    } catch (cause) {
      why = `${fused.why}; the graphics card was tried and failed: ${cause instanceof Error ? cause.message : String(cause)}`
    }
    if (card && card !== chosen) card.close()
  }

  return {
    get name() {
      return chosen.name
    },
    get why() {
      return why
    },
    get onCard() {
      return chosen.onCard === true
    },
    get together() {
      return chosen.together
    },
    ...(fused.allocate && { allocate: fused.allocate }),
    async execute(configs, dataset): Promise<Execution[]> {
      const [config] = configs
      if (!decided && configs.length === 1 && config) await decide(config, dataset)
      decided = true
      return chosen.execute(configs, dataset)
    },
    close() {
      if (chosen !== fused) chosen.close()
      fused.close()
    },
  }
}

async function msPerStep(backend: Backend, config: ExperimentConfig, dataset: Dataset): Promise<number> {
  const execution = (await backend.execute([config], dataset))[0]!
  try {
    return (await timeSteps(config, [execution], dataset.splits.train, { forMs: TIMED_MS })).msPerStep
  } finally {
    execution.dispose()
  }
}

const text = (ms: number): string => `${ms.toPrecision(2)} ms`
