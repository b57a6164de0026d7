import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { dump } from 'js-yaml'
import type { ExperimentConfig } from '../../shared/config/experiment'
import type { Cluster, Task } from '../../shared/domain/cluster'
import { RUN_FILES } from '../../shared/domain/run'
import { makeFolders } from '../folders'
import { quote } from '../service/command'
import { replaceFile } from '../service/recordFile'
import type { ClusterShell } from './clusterShell'

/** The folder of the batches, in the sweep's folder and at its place on the cluster. */
const STAGE = 'cluster'
/** Of a log: what a person is told of a task that failed. */
const TAIL_BYTES = 4096
const TAIL_LINES = 3

/** Where a sweep's files stand: here, and where nodes see them. */
export class Stage {
  readonly #shell: ClusterShell
  readonly #cluster: Cluster
  /** The sweep's folder. */
  readonly #dir: string
  /** The same on the cluster. */
  readonly #there: string

  /** @param identity of the sweep among all others of its name */
  constructor(shell: ClusterShell, cluster: Cluster, { dir, identity }: { dir: string; identity: string }) {
    this.#shell = shell
    this.#cluster = cluster
    this.#dir = dir
    const { remote_dir } = cluster
    this.#there =
      remote_dir === undefined ? dir : path.posix.join(remote_dir, 'sweeps', hashOf(identity), path.basename(dir))
  }

  get #shared(): boolean {
    return this.#cluster.remote_dir === undefined
  }

  /** The folder of all experiments, as nodes see it. */
  get logDir(): string {
    return path.dirname(this.#there)
  }

  /** The files that an experiment reads, by their places here. */
  pathsOf(config: ExperimentConfig): Record<string, string> {
    if (this.#shared) return {}
    const { remote_dir = '' } = this.#cluster
    return Object.fromEntries(
      filesIn(config.data).map((file) => [
        file,
        // Two files of one name stand in folders of their own.
        path.posix.join(remote_dir, 'data', hashOf(file), path.basename(file)),
      ]),
    )
  }

  /** Writes what a batch needs, and takes it where its nodes find it. */
  async prepare(
    token: string,
    tasks: readonly Task[],
    starter: readonly string[],
  ): Promise<{ script: string; log: string }> {
    const local = path.join(this.#dir, STAGE, token)
    makeFolders(path.join(local, 'tasks'))
    makeFolders(path.join(local, 'log'))
    for (const task of tasks) replaceFile(path.join(local, 'tasks', `${task.index}.json`), `${JSON.stringify(task)}\n`)
    const there = path.posix.join(this.#there, STAGE, token)
    const { delta = starter, preamble } = this.#cluster
    const command = [...delta, 'train', '--task'].map(quote).join(' ')
    replaceFile(
      path.join(local, 'task.sh'),
      `#!/bin/bash\n${preamble}\nexec ${command} ${quote(`${there}/tasks`)}/"$SLURM_ARRAY_TASK_ID".json\n`,
    )
    if (!this.#shared) await this.#send(tasks)
    return { script: `${there}/task.sh`, log: `${there.replaceAll('%', '%%')}/log/%a.log` }
  }

  async #send(tasks: readonly Task[]): Promise<void> {
    const files = new Map(tasks.flatMap(({ paths }) => Object.entries(paths)))
    const folders = [this.#there, ...[...files.values()].map((file) => path.posix.dirname(file))]
    await this.#shell.run(['mkdir', '-p', '--', ...folders])
    for (const [here, there] of files) await this.#shell.copy('to', here, there)
    // Trials that were begun here go on there; what nodes have written since is newer.
    await this.#shell.copy('to', `${this.#dir}/`, `${this.#there}/`, ['--update', `--exclude=${RUN_FILES.owner}`])
  }

  /** Brings what the nodes have written, where they write elsewhere. */
  async collect(): Promise<void> {
    if (this.#shared) return
    const kept = ['/*.yaml', '/*.json', '/*.jsonl', '/.sweep-*', RUN_FILES.hparams, RUN_FILES.annotations, '*.tmp']
    await this.#shell.copy('from', `${this.#dir}/`, `${this.#there}/`, [
      '--update',
      ...kept.map((name) => `--exclude=${name}`),
    ])
  }

  /** Runs that were trained elsewhere read their data here when they are looked at. */
  describe(dir: string, config: ExperimentConfig): void {
    const file = path.join(dir, RUN_FILES.hparams)
    if (!this.#shared && !fs.existsSync(file)) replaceFile(file, dump(config, { lineWidth: -1 }))
  }

  /** The last lines that a task said. */
  lastWords(token: string, index: number): string {
    return this.#tail(token, index).slice(-TAIL_LINES).join('; ')
  }

  /** Why Slurm ended a task, as it wrote into the task's log, each line once; empty where it wrote nothing. */
  slurmsWords(token: string, index: number): string {
    const own = this.#tail(token, index).flatMap((line) => /^slurmstepd\S*: error: (.*?)\r?$/.exec(line)?.[1] ?? [])
    return [...new Set(own)].slice(-TAIL_LINES).join('; ')
  }

  #tail(token: string, index: number): string[] {
    try {
      const text = fs.readFileSync(path.join(this.#dir, STAGE, token, 'log', `${index}.log`), 'utf8')
      return text.slice(-TAIL_BYTES).trim().split('\n')
    } catch {
      return []
    }
  }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)

/** Absolute paths of files among the values of a configuration. */
function filesIn(value: unknown): string[] {
  if (typeof value === 'string') return path.isAbsolute(value) && isFile(value) ? [value] : []
  if (typeof value !== 'object' || value === null) return []
  return [...new Set(Object.values(value).flatMap(filesIn))]
}

function isFile(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true
}
