import type { CardUse, Progress } from '../../shared/api/engineProtocol'
import type { MetricBatch } from '../../shared/domain/metric'
import { logged } from '../metrics/figures'
import type { Callback } from '../loop/fit'

/** One point per metric and epoch, under the reference's plain names. */
export function epochMetrics(record: (batch: MetricBatch) => void): Callback {
  return {
    onEpochEnd({ epoch, steps, learningRate, train, val }) {
      const values = { ...logged('train', train), ...(val && logged('val', val)), lr: learningRate }
      record({ epoch, step: steps - 1, time: Date.now(), values })
    },
  }
}

/** Often enough to look alive, seldom enough to cost nothing. */
const REPORT_EVERY_MS = 200

/** Steps a second and time left, measured since this start (`taken` steps came before it) so that one slow step does not shake the estimate. */
export function progressReports(
  total: { epochs: number; steps: number; stepsPerEpoch: number; taken: number },
  report: (progress: Progress) => void,
  card: () => CardUse | undefined = () => undefined,
): Callback {
  const started = performance.now()
  let last = started
  let used = process.cpuUsage()
  return {
    onStep(step) {
      const now = performance.now()
      if (now - last < REPORT_EVERY_MS && step < total.steps) return
      // Of the whole process, with all its threads.
      const { user, system } = process.cpuUsage(used)
      used = process.cpuUsage()
      const cores = (user + system) / 1000 / Math.max(now - last, Number.MIN_VALUE)
      last = now
      const cardNow = card()
      const stepsPerSecond = (1000 * (step - total.taken)) / (now - started)
      report({
        epoch: Math.floor((step - 1) / total.stepsPerEpoch),
        epochs: total.epochs,
        step,
        steps: total.steps,
        stepsPerSecond,
        secondsLeft: (total.steps - step) / stepsPerSecond,
        cores,
        rssBytes: process.memoryUsage.rss(),
        ...(cardNow && { card: cardNow }),
      })
    },
  }
}
