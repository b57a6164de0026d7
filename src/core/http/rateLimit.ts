import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../shared/errors'

/** What a service allows; undefined is no limit. */
export interface RateLimits {
  requestsPerMinute?: number
  tokensPerMinute?: number
}

const MINUTE_MS = 60_000

/** Spaces requests evenly, so that neither requests nor tokens of any minute exceed their limits. */
export class RateLimit {
  readonly #limits: RateLimits
  /** `performance.now()` from which the next request may leave. */
  #free = 0

  constructor(limits: RateLimits) {
    this.#limits = limits
  }

  /** Resolves when a request of that many tokens may leave. @throws AppError `stopped` */
  async admit(tokens: number, stop: AbortSignal): Promise<void> {
    const { requestsPerMinute = Infinity, tokensPerMinute = Infinity } = this.#limits
    const now = performance.now()
    const leaves = Math.max(now, this.#free)
    this.#free = leaves + Math.max(MINUTE_MS / requestsPerMinute, (tokens * MINUTE_MS) / tokensPerMinute)
    if (leaves === now) return
    try {
      await sleep(leaves - now, undefined, { signal: stop })
    } catch {
      throw new AppError('stopped', 'Stopped while waiting for the rate limit')
    }
  }
}
