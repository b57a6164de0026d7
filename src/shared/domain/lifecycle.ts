import { z } from 'zod'
import { AppError } from '../errors'

/**
 * The life of a run:
 *
 *     queued → starting → running → stopping → finished | stopped | failed | crashed | interrupted
 *
 * `finished`, `stopped` and `failed` are the engine's own last word. `interrupted` is an end that nobody asked for and that
 * was still written down; `crashed` is the conclusion of whoever finds that the process is gone.
 */
export const RUN_STATUSES = [
  'queued',
  'starting',
  'running',
  'stopping',
  'finished',
  'stopped',
  'failed',
  'crashed',
  'interrupted',
] as const
export const runStatusSchema = z.enum(RUN_STATUSES)
export type RunStatus = z.infer<typeof runStatusSchema>

/** How a run can end. */
export const END_STATUSES = ['finished', 'stopped', 'failed', 'crashed', 'interrupted'] as const
export type EndStatus = (typeof END_STATUSES)[number]

/** Where a run may go from each status. */
export const NEXT_STATUSES = {
  /** Taken out of the queue it is stopped; a configuration that no longer holds fails it. */
  queued: ['starting', 'stopped', 'failed'],
  starting: ['running', 'stopping', 'finished', 'stopped', 'failed', 'crashed', 'interrupted'],
  /** An engine that gets its stop by a signal, not by its parent, ends without passing through `stopping`. */
  running: ['stopping', 'finished', 'stopped', 'failed', 'crashed', 'interrupted'],
  /** A stop that comes after the last step lets the run finish. */
  stopping: ['finished', 'stopped', 'failed', 'crashed', 'interrupted'],
  /** From here a run goes on only by being queued again: from its last checkpoint, perhaps to a higher total. */
  finished: ['queued'],
  stopped: ['queued'],
  failed: ['queued'],
  interrupted: ['queued'],
  /** An observer may be wrong (a sleeping machine, a process of another container): the engine's own later word counts. */
  crashed: ['queued', 'running', 'finished', 'stopped', 'failed', 'interrupted'],
} as const satisfies Record<RunStatus, readonly RunStatus[]>

/** One change of a run's status, as the history keeps it. */
export const transitionSchema = z.object({
  /** Null for the first one. */
  from: runStatusSchema.nullable(),
  to: runStatusSchema,
  /** Milliseconds since the Unix epoch. */
  at: z.number(),
  /** In words for a person. */
  reason: z.string().min(1),
})
export type Transition = z.infer<typeof transitionSchema>

export function canBecome(from: RunStatus, to: RunStatus): boolean {
  const next: readonly RunStatus[] = NEXT_STATUSES[from]
  return next.includes(to)
}

/**
 * The one way to change a run's status.
 *
 * @param at milliseconds since the Unix epoch
 * @throws AppError `usage` where the way does not exist
 */
export function transition(from: RunStatus, to: RunStatus, at: number, reason: string): Transition {
  if (canBecome(from, to)) return { from, to, at, reason }
  throw new AppError('usage', `A run that is ${from} cannot become ${to}`, {
    fix: `From ${from} a run can become ${NEXT_STATUSES[from].join(', ')}.`,
  })
}

/** A process works on the run, or should: these are the statuses that a dead owner must not keep. */
export function isActive(status: RunStatus): status is 'starting' | 'running' | 'stopping' {
  return status === 'starting' || status === 'running' || status === 'stopping'
}

export function hasEnded(status: RunStatus): status is EndStatus {
  return status !== 'queued' && !isActive(status)
}
