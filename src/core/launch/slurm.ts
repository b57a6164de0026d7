import type { Cluster } from '../../shared/domain/cluster'
import { AppError } from '../../shared/errors'
import type { ClusterShell } from './clusterShell'
import { taskKey, type Batch, type Scheduler, type Submitted, type TaskState } from './scheduler'

/** Job, array's own number, task, state, reason, node, and our token in the comment: text is steadier across versions than JSON. */
const SQUEUE_FORMAT = '%A|%F|%K|%T|%r|%N|%k'
const SACCT_FORMAT = 'JobID,State,NodeList,Comment'

const WAITING = new Set(['PENDING', 'CONFIGURING', 'REQUEUED', 'REQUEUE_HOLD', 'REQUEUE_FED', 'RESV_DEL_HOLD'])
const RUNNING = new Set(['RUNNING', 'COMPLETING', 'SUSPENDED', 'STOPPED', 'SIGNALING', 'STAGE_OUT', 'RESIZING'])
/** Ended by the batch system for what another job has not: a time limit, a node. */
const AGAIN = new Set(['TIMEOUT', 'NODE_FAIL', 'BOOT_FAIL', 'PREEMPTED', 'DEADLINE', 'REVOKED'])

const HELD = 'launch failed requeued held'
const HELD_BY_US = 'JobHeldUser'

/** Slurm, by its own commands. */
export class Slurm implements Scheduler {
  readonly #shell: ClusterShell
  readonly #cluster: Cluster

  constructor(shell: ClusterShell, cluster: Cluster) {
    this.#shell = shell
    this.#cluster = cluster
  }

  async submit({ token, name, tasks, script, log }: Batch): Promise<string> {
    const { partition, account, qos, time, memory, cpus, gpus, throttle } = this.#cluster
    const option = (flag: string, value: string | number | undefined): string[] =>
      value === undefined ? [] : [`--${flag}=${value}`]
    const said = await this.#shell.run([
      'sbatch',
      '--parsable',
      `--array=${rangesOf(tasks)}${throttle === undefined ? '' : `%${throttle}`}`,
      `--job-name=${name}`,
      `--comment=${token}`,
      `--output=${log}`,
      // A task that is requeued goes on in its log.
      '--open-mode=append',
      '--requeue',
      '--ntasks=1',
      `--cpus-per-task=${cpus}`,
      ...option('partition', partition),
      ...option('account', account),
      ...option('qos', qos),
      ...option('time', time),
      ...option('mem', memory),
      ...option('gres', gpus !== undefined && /^\d+$/.test(gpus) ? `gpu:${gpus}` : gpus),
      script,
    ])
    const job = /^(\d+)(;|$)/.exec(said.trim())?.[1]
    if (job === undefined) throw new AppError('service_failed', `sbatch answered "${said.trim()}" instead of a job`)
    return job
  }

  async poll(batches: readonly Submitted[]): Promise<Map<string, TaskState>> {
    const tokens = new Set(batches.map(({ token }) => token))
    const states = new Map<string, TaskState>()
    for (const { token, index, state } of parseSqueue(
      await this.#shell.run(['squeue', '-h', '-r', '-t', 'all', '--me', '-o', SQUEUE_FORMAT]),
    )) {
      if (!tokens.has(token)) continue
      const key = taskKey(token, index)
      // After a controller has lost its state a task can be there twice: it has not ended before both have.
      const known = states.get(key)
      if (!known || known.is === 'ended') states.set(key, state)
    }
    for (const { token, job, tasks } of batches) {
      if (job === undefined || tasks.every((index) => states.has(taskKey(token, index)))) continue
      for (const past of await this.#past(job)) {
        const key = taskKey(token, past.index)
        // Its number may have been given out again; and what runs by the accounting alone was lost with the controller.
        if ((past.token !== '' && past.token !== token) || past.state.is !== 'ended') continue
        if (!states.has(key)) states.set(key, past.state)
      }
    }
    return states
  }

  async cancel(tasks: readonly { job: string; index: number }[]): Promise<void> {
    if (tasks.length > 0) await this.#shell.run(['scancel', ...tasks.map(({ job, index }) => `${job}_${index}`)])
  }

  /** As the user's own wish, also where the user is Slurm's operator, whose holds are the site's otherwise. */
  async hold(tasks: readonly { job: string; index: number }[], held: boolean): Promise<void> {
    const byJob = new Map<string, number[]>()
    for (const { job, index } of tasks) byJob.set(job, [...(byJob.get(job) ?? []), index])
    for (const [job, indices] of byJob)
      await this.#shell.run([
        'scontrol',
        held ? 'uhold' : 'release',
        indices.map((index) => `${job}_${index}`).join(','),
      ])
  }

  /** What the accounting says of a job that the queue no longer lists; nothing where there is none. */
  async #past(job: string): Promise<ListedTask[]> {
    try {
      return parseSacct(await this.#shell.run(['sacct', '-X', '-P', '-n', '-j', job, '-o', SACCT_FORMAT]))
    } catch {
      return []
    }
  }
}

/** `0-4,7`. */
export function rangesOf(indices: readonly number[]): string {
  const parts: [number, number][] = []
  for (const index of [...indices].sort((a, b) => a - b)) {
    const last = parts.at(-1)
    if (last && index === last[1] + 1) last[1] = index
    else parts.push([index, index])
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
}

interface ListedTask {
  /** Empty where the accounting keeps no comments. */
  token: string
  index: number
  state: TaskState
}

export function parseSqueue(text: string): ListedTask[] {
  return text.split('\n').flatMap((line) => {
    const [, job = '', task = '', state = '', reason = '', node = '', ...comment] = line.trim().split('|')
    const index = Number(task)
    if (!/^\d+$/.test(task) || state === '') return []
    return [{ token: comment.join('|'), index, state: stateOf(state, job, reason, node) }]
  })
}

export function parseSacct(text: string): ListedTask[] {
  return text.split('\n').flatMap((line) => {
    const [id = '', state = '', node = '', ...comment] = line.trim().split('|')
    const [, job, task] = /^(\d+)_(\d+)$/.exec(id) ?? []
    if (job === undefined || task === undefined) return []
    // "CANCELLED by 1000"
    const [word = ''] = state.split(' ')
    return [{ token: comment.join('|'), index: Number(task), state: stateOf(word, job, '', node) }]
  })
}

function stateOf(state: string, job: string, reason: string, node: string): TaskState {
  // After a launch that failed, as where the node already runs a job of that number.
  if (reason === HELD) return { is: 'ended', text: `${state} (${reason})`, again: true, job, held: true }
  const why = reason === '' || reason === 'None' ? '' : ` (${reason})`
  if (WAITING.has(state))
    return { is: 'waiting', text: `${state}${why}`, job, ...(reason === HELD_BY_US && { held: true }) }
  const where = node === '' ? '' : ` on ${node}`
  if (RUNNING.has(state)) return { is: 'running', text: `${state}${where}`, job }
  return { is: 'ended', text: `${state}${where}${why}`, again: AGAIN.has(state), job }
}
