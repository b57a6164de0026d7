import fs from 'node:fs'
import path from 'node:path'
import { RungFigures, type Halving } from '../../shared/domain/halving'
import { RUN_FILES } from '../../shared/domain/run'
import { isOver, type Rung, type Trial } from '../../shared/domain/sweep'
import { parseMetrics } from '../runs/metricsFile'
import { readRecord } from '../service/recordFile'
import type { SweepPlan } from './readSweep'

type Halved = Pick<SweepPlan, 'sweep' | 'direction' | 'rungs'>

/**
 * How the runs of a sweep are cut down, and what trials had at the rungs that they have passed.
 *
 * @param goesOn whether a trial goes on from its checkpoint: what it measured after that it will measure again
 */
export function halvingOf(
  { sweep, direction, rungs }: Halved,
  trials: readonly Trial[],
  goesOn: (trial: number) => boolean,
): Halving {
  const histories = trials.flatMap(({ dir, trial }) =>
    dir === undefined ? [] : [bestByEpoch(dir, sweep.metric, goesOn(trial) ? epochsKept(dir) : Infinity)],
  )
  return {
    metric: sweep.metric === 'val_acc' ? 'val_acc' : 'val_loss',
    direction,
    reduction: sweep.options.reduction,
    rungs: rungs.map((epochs) => ({ epochs, earlier: histories.flatMap((best) => best[epochs - 1] ?? []) })),
  }
}

/** A trial that stands at a rung, and why it ends there; undefined where it goes on. */
export interface Judged {
  trial: number
  reason: string | undefined
}

/**
 * Judges trials that are trained one by one and pause at each rung, by what those that were judged there before them had: those that have come
 * to a rung since the last look are judged together, as those that one engine trains side by side.
 *
 * @param inQueue trials whose task has not ended
 * @param handedTo epochs to which a trial was handed over: it has been judged at all rungs before
 */
export function judgePaused(
  plan: Halved,
  trials: readonly Trial[],
  inQueue: ReadonlySet<number>,
  handedTo: (trial: number) => number,
): Judged[] {
  return plan.rungs.flatMap((rung): Judged[] => {
    const here = trials.filter(
      (one) => one.epochs === rung && !inQueue.has(one.trial) && isJudgedNext(one, handedTo(one.trial)),
    )
    if (here.length === 0) return []
    const before = trials.filter(
      (one) => isOver(one) || handedTo(one.trial) > rung || (one.epochs !== undefined && one.epochs > rung),
    )
    const figures = new RungFigures(halvingOf(plan, before, () => false))
    const values = here.map(({ dir = '' }) => readRecord(dir)?.result?.[plan.sweep.metric] ?? NaN)
    return figures.judge(rung, values).map((reason, i) => ({ trial: here[i]!.trial, reason }))
  })
}

/** Whether a trial has come to the rung to which it was handed over, and nobody has said yet whether it goes on. */
export const isJudgedNext = ({ status, epochs = 0 }: Trial, handedTo: number): boolean =>
  status === 'paused' && epochs >= handedTo

/** Whether a trial stands at a rung from which it goes on, as soon as a cluster trains it. */
export const isPromoted = (trial: Trial, handedTo: number): boolean =>
  trial.status === 'paused' && !isJudgedNext(trial, handedTo)

/**
 * How many trials came to each rung, went on and were ended there. One that was handed over to go on has gone on.
 *
 * @param handedTo epochs to which a trial was handed over
 */
export function rungsReached(
  rungs: readonly number[],
  trials: readonly Trial[],
  handedTo: (trial: number) => number,
): Rung[] {
  return rungs.map((rung) => {
    const here = trials.filter(({ epochs = 0 }) => epochs >= rung)
    const left = here.filter((one) => (one.epochs ?? 0) > rung || isPromoted(one, handedTo(one.trial)))
    const halved = here.filter(({ status, epochs }) => status === 'halved' && epochs === rung)
    return { epochs: rung, reached: here.length, promoted: left.length, halved: halved.length }
  })
}

/** Epochs that a run's last checkpoint has behind it; 0 where there is none. */
export function epochsKept(dir: string): number {
  try {
    const meta: unknown = JSON.parse(fs.readFileSync(path.join(dir, RUN_FILES.checkpoints, 'last.json'), 'utf8'))
    return Number(Reflect.get(Object(meta), 'epochs'))
  } catch {
    return 0
  }
}

/** The metric at the epoch of the lowest val_loss so far, after each of so many epochs. */
function bestByEpoch(dir: string, metric: string, upTo: number): number[] {
  let text: string
  try {
    text = fs.readFileSync(path.join(dir, RUN_FILES.metrics), 'utf8')
  } catch {
    return []
  }
  const found: number[] = []
  let best = { loss: Infinity, value: NaN }
  for (const { epoch, values } of parseMetrics(text).history) {
    const { val_loss: loss, [metric]: value } = values
    if (loss === undefined || value === undefined || epoch >= upTo) continue
    if (loss < best.loss) best = { loss, value }
    found[epoch] = best.value
  }
  return found
}
