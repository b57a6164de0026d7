import { AppError } from '../../shared/errors'
import type { SweepPlan } from './readSweep'
import type { SweepFolder } from './sweepFolder'

export interface LivePlanOptions {
  /** Reads it again; absent where it cannot change. */
  again?: () => SweepPlan
  warn: (message: string) => void
}

/** A sweep's plan, which is read again when its file has changed. */
export class LivePlan {
  readonly #folder: SweepFolder
  readonly #options: LivePlanOptions
  #plan: SweepPlan
  #yaml: string

  constructor(folder: SweepFolder, plan: SweepPlan, options: LivePlanOptions) {
    this.#folder = folder
    this.#options = options
    this.#plan = plan
    this.#yaml = folder.yaml
  }

  get changed(): boolean {
    return this.#folder.yaml !== this.#yaml
  }

  /** As it was read last. */
  get last(): SweepPlan {
    return this.#plan
  }

  now(): SweepPlan {
    const { again, warn } = this.#options
    if (again && this.changed) {
      this.#yaml = this.#folder.yaml
      try {
        this.#plan = again()
      } catch (thrown) {
        warn(`${AppError.from(thrown).message}. It goes on as it was.`)
      }
    }
    return this.#plan
  }
}
