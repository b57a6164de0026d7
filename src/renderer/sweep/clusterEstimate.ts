import type { ClusterSummary } from '../../shared/domain/clusters'
import type { SweepMethod } from '../../shared/domain/sweep'
import { timeLimit } from '../clusters/fields'
import { count } from '../experiment/format'

/**
 * What a sweep comes to on a cluster, before it is measured there: its tasks, how many of them can run at the same time, and what each may
 * take.
 *
 * @param tpe points at random first, and then at a time
 */
export function clusterEstimate(
  trials: number,
  seeds: number,
  method: SweepMethod,
  { throttle, time }: Pick<ClusterSummary, 'throttle' | 'time'>,
  tpe: { startup: number; batch: number },
): string {
  const ready = method === 'tpe' ? Math.max(tpe.startup, tpe.batch) * seeds : trials
  const atOnce = Math.min(trials, ready, throttle ?? Infinity)
  return [
    `${count(trials)} ${trials === 1 ? 'task' : 'tasks'}`,
    atOnce < trials ? `${count(atOnce)} at the same time at most` : 'all at the same time where nodes are free',
    time === null ? 'the site’s time limit' : `${timeLimit(time)} a job`,
  ].join(' · ')
}
