/** Trials that were given to a batch system together. */
export interface Batch {
  /** Ours, and in no other batch. */
  token: string
  /** What people see in the queue. */
  name: string
  /** Indices of its tasks. */
  tasks: readonly number[]
  /** Absolute, where it runs. */
  script: string
  /** Where its tasks write what they say; `%a` is a task's index. */
  log: string
}

/** A batch that was handed over; its number is unknown where we ended before we could write it down. */
export interface Submitted {
  token: string
  job?: string | undefined
  tasks: readonly number[]
}

/**
 * How one task of a batch stands. `ended` says nothing about the trial: its own files do. `again` where the batch system ended it for reasons
 * that another job does not have: its time, its node.
 */
export type TaskState =
  | { is: 'waiting' | 'running'; text: string; job: string; held?: boolean }
  /** `held`: it stands in the queue, and nobody but a person would start it. So does one that waits and is `held`. */
  | { is: 'ended'; text: string; again: boolean; job: string; held?: boolean }

/** A batch system. Its numbers can be reused after it was lost: tasks are known by the batch's token and their index. */
export interface Scheduler {
  /** @throws AppError `service_failed` in its own words */
  submit(batch: Batch): Promise<string>
  /**
   * The tasks of these batches that it knows, by {@link taskKey}.
   *
   * @throws AppError `service_failed` where it does not answer: nothing is known then
   */
  poll(batches: readonly Submitted[]): Promise<Map<string, TaskState>>
  /** Ends tasks that wait or run; those that are gone are no error. */
  cancel(tasks: readonly { job: string; index: number }[]): Promise<void>
  /** Keeps tasks that wait from beginning, or lets them begin again. Those that have begun meanwhile go on. */
  hold(tasks: readonly { job: string; index: number }[], held: boolean): Promise<void>
}

export const taskKey = (token: string, index: number): string => `${token}/${index}`
