import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { ExperimentConfig } from '../../shared/config/experiment'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import type { Estimate, ExperimentEstimate } from '../../shared/domain/experiment'
import { AppError } from '../../shared/errors'
import { Tickets } from '../service/tickets'
import { runInEngine, type EngineWatch } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'

/** Probes that are remembered. */
const KEPT = 64
/** A probe is asked to end, and is waited for no longer than this: it has nothing to save. */
const STOP_GRACE_MS = 1_000

export interface EstimatesOptions extends Pick<EngineWatch, 'readyTimeoutMs'> {
  spawner: EngineSpawner
  closing: AbortSignal
  /** Runs that are training now. */
  training: () => number
}

interface Probed {
  estimate: Estimate
  besides: number
  measured: number
}

/** Probes of experiments, one at a time for each ticket, and what they have measured. */
export class Estimates {
  readonly #options: EstimatesOptions
  readonly #tickets = new Tickets()
  readonly #known = new Map<string, Probed>()

  constructor(options: EstimatesOptions) {
    this.#options = options
  }

  /**
   * @param ticket whoever asks: a later question of theirs ends this one with `stopped`
   * @param again measures even what is known
   */
  async of(config: ExperimentConfig, ticket: string, again: boolean): Promise<ExperimentEstimate> {
    this.#tickets.end(ticket)
    const key = keyOf(config)
    const known = again ? undefined : this.#known.get(key)
    if (known) return ofRun(config, known)
    const besides = this.#options.training()
    const estimate = await this.#tickets.run(ticket, (stop) => this.#probe(config, stop))
    const probed = { estimate, besides, measured: Date.now() }
    this.#keep(key, probed)
    return ofRun(config, probed)
  }

  forget(ticket: string): void {
    this.#tickets.end(ticket)
  }

  async #probe(config: ExperimentConfig, stop: AbortSignal): Promise<Estimate> {
    const { spawner, closing, readyTimeoutMs } = this.#options
    const watch = { stopGraceMs: STOP_GRACE_MS, ...(readyTimeoutMs !== undefined && { readyTimeoutMs }) }
    const either = AbortSignal.any([stop, closing])
    const frame = await runInEngine(spawner, { type: 'probe', config }, () => {}, either, watch)
    if (frame.type === 'probed') return frame.estimate
    throw new AppError('engine_protocol', `The engine answered "${frame.type}" to "probe"`)
  }

  #keep(key: string, probed: Probed): void {
    this.#known.delete(key)
    this.#known.set(key, probed)
    const [oldest] = this.#known.keys()
    if (this.#known.size > KEPT && oldest !== undefined) this.#known.delete(oldest)
  }
}

/** What decides how long a step takes, and nothing else: other epochs, names or seeds need no other probe. */
function keyOf(config: ExperimentConfig): string {
  const { batch_size, optimizer, table_dtype, table_streaming, gradient_clip_val } = config.trainer
  const rest = { ...config, exp_name: '', exp_version: '', trainer: undefined }
  const files = SPLIT_NAMES.flatMap((split) => Object.values(config.data[split] ?? {})).map(stampOf)
  const said = JSON.stringify([
    ...[rest, batch_size, optimizer, table_dtype, table_streaming, gradient_clip_val ?? null],
    files,
  ])
  return createHash('sha256').update(said).digest('hex')
}

function stampOf(file: string): string {
  try {
    const { size, mtimeMs } = fs.statSync(file)
    return `${size} ${mtimeMs}`
  } catch {
    return 'none'
  }
}

/** What a probe says of a run of this length. */
export function ofRun({ trainer }: ExperimentConfig, { estimate, besides, measured }: Probed): ExperimentEstimate {
  const { pairs, stepsPerEpoch, msPerStep, msPerEpoch, msPerValidation } = estimate
  const steps = stepsPerEpoch * trainer.max_epochs
  const totalSteps = Math.min(steps, trainer.max_steps ?? steps)
  const epochs = Math.ceil(totalSteps / stepsPerEpoch)
  const training = totalSteps === steps ? epochs * msPerEpoch : totalSteps * msPerStep
  return {
    ...estimate,
    epochs,
    totalSteps,
    secondsAtMost: (training + epochs * (msPerValidation ?? 0)) / 1000,
    mayStopEarly: pairs > 0 && trainer.patience < trainer.max_epochs,
    besides,
    measured,
  }
}
