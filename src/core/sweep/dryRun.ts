import type { SweepResult, Trial } from '../../shared/domain/sweep'
import { AppError } from '../../shared/errors'
import type { ConfigRoots } from '../config/resolveExperiment'
import { runInEngine } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'
import { ofRun } from '../experiment/estimates'
import { nextPoints } from './methods'
import { plannedPoints, trialExperiment, type SweepPlan } from './readSweep'
import { MOST_TOGETHER, trainsTogether } from './runSweep'

export interface DryRun {
  points: number
  trials: number
  /** Starting engines and reading data included; none of the trials is taken to end early, but for those that are halved. */
  seconds: number
  /** Points that are known before anything is trained: all but for tpe, which chooses most of them by results. */
  result: SweepResult
}

/** What a sweep would do, and how long that would take at most: the first pass is trained for about a second and thrown away. */
export async function dryRun(
  plan: SweepPlan,
  spawner: EngineSpawner,
  roots: ConfigRoots,
  stop: AbortSignal,
): Promise<DryRun> {
  const { seeds, search, sweep, direction } = plan
  const known = nextPoints(search, [])
  const trials = known.flatMap((parameters, point) =>
    seeds.map((seed, s): Trial => ({
      ...{ trial: point * seeds.length + s, point, seed, parameters },
      ...{ status: 'planned', metric: null },
    })),
  )
  const points = Math.max(known.length, plannedPoints(plan))
  const total = points * seeds.length
  const atOnce = Math.min(MOST_TOGETHER, search.method === 'tpe' ? search.batch * seeds.length : total)
  const first = trials
    .slice(0, atOnce)
    .map(({ parameters, seed }) => trialExperiment(plan, parameters, seed, 'v0', roots).config)
  const { batch_size } = first[0]!.trainer
  const pass = trainsTogether(plan.config)
    ? first.filter(({ trainer }) => trainer.batch_size === batch_size)
    : first.slice(0, 1)
  const [config, ...others] = pass
  if (!config) throw new AppError('internal', 'There is no trial to probe')
  const frame = await runInEngine(spawner, { type: 'probe', config, others }, () => {}, stop)
  if (frame.type !== 'probed') throw new AppError('engine_protocol', `The engine answered "${frame.type}" to "probe"`)
  const { secondsAtMost, msToLoad } = ofRun(config, { estimate: frame.estimate, besides: 0, measured: Date.now() })
  const seconds =
    Math.ceil(total / atOnce) * (msToLoad / 1000) + (total / pass.length) * secondsAtMost * shareTrained(plan)
  return {
    ...{ points, trials: total, seconds },
    result: {
      ...{ type: 'result', sweep: plan.name, dir: null, status: 'planned', method: sweep.method },
      ...{ metric_name: sweep.metric, direction, trials, ranking: [], best: null, rungs: [], seconds },
    },
  }
}

/** Of all epochs, those that halving leaves: 1 / reduction^k of the runs train beyond rung k. */
function shareTrained({ rungs, sweep, config }: SweepPlan): number {
  const { max_epochs } = config.trainer
  const ends = [...rungs, max_epochs]
  return ends.reduce((sum, end, k) => sum + (end - (ends[k - 1] ?? 0)) / sweep.options.reduction ** k, 0) / max_epochs
}
