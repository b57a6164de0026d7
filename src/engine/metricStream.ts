import type { FromEngine } from '../shared/api/engineProtocol'
import type { MetricBatch } from '../shared/domain/metric'
import type { EngineMessage } from './runExperiment'

type WithoutVersion<T> = T extends unknown ? Omit<T, 'v'> : never
export type EngineFrame = WithoutVersion<FromEngine>

/** A fused model measures a thousand epochs a second; a frame for each would cost more than the epoch. */
const COALESCE_MS = 20
/** Batches in one frame at most: some hundred kilobytes. */
const FRAME_BATCHES = 1_000
/**
 * Batches that core may owe an acknowledgement for. Past the high mark no more are sent, so that a core that is busy does not
 * find its memory full of them; they stand in `metrics.jsonl`. At the low mark sending goes on.
 */
export const HIGH_WATERMARK = 8_000
export const LOW_WATERMARK = 2_000

interface Options {
  coalesceMs?: number
  high?: number
  low?: number
}

/** Makes frames of what a run tells: metrics are gathered and acknowledged, everything else goes at once and in order. */
export class MetricStream {
  readonly #send: (frame: EngineFrame) => void
  readonly #coalesceMs: number
  readonly #high: number
  readonly #low: number
  #waiting: MetricBatch[] = []
  #timer: NodeJS.Timeout | undefined
  #seq = 0
  /** Batches sent or left out so far. */
  #passed = 0
  /** Sent and not yet acknowledged: the number of each frame and its batches. */
  #owed: { seq: number; batches: number }[] = []
  #paused = false
  /** True after a frame that did not reach the end of what was passed. */
  #gap = false

  constructor(
    send: (frame: EngineFrame) => void,
    { coalesceMs = COALESCE_MS, high = HIGH_WATERMARK, low = LOW_WATERMARK }: Options = {},
  ) {
    this.#send = send
    this.#coalesceMs = coalesceMs
    this.#high = high
    this.#low = low
  }

  readonly emit = (message: EngineMessage): void => {
    if (message.type === 'metrics') this.#push(message.batch)
    else {
      this.flush()
      this.#send(message)
    }
  }

  /** Sends what waits. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#paused || this.#waiting.length === 0) return
    this.#sendFrame(this.#waiting.splice(0))
  }

  /** The last frame: what waits, and how many there were where some have been left out. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const rest = this.#waiting.splice(0)
    if (rest.length > 0 || this.#gap) this.#sendFrame(rest)
  }

  acknowledge(seq: number): void {
    this.#owed = this.#owed.filter((frame) => frame.seq > seq)
    if (this.#paused && this.#unacknowledged() <= this.#low) this.#paused = false
  }

  #push(batch: MetricBatch): void {
    if (this.#paused) {
      this.#passed++
      this.#gap = true
      return
    }
    this.#waiting.push(batch)
    if (this.#waiting.length >= FRAME_BATCHES) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), this.#coalesceMs)
  }

  #sendFrame(batches: MetricBatch[]): void {
    const seq = this.#seq++
    this.#send({ type: 'metrics', seq, first: this.#passed, batches })
    this.#passed += batches.length
    this.#gap = false
    this.#owed.push({ seq, batches: batches.length })
    if (this.#unacknowledged() >= this.#high) this.#paused = true
  }

  #unacknowledged(): number {
    return this.#owed.reduce((sum, { batches }) => sum + batches, 0)
  }
}
