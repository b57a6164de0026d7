import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { experimentSchema } from '../../shared/config/experiment'
import { HALVED, isPaused } from '../../shared/domain/halving'
import { RUN_FILES, type RunRecord } from '../../shared/domain/run'
import { pointSchema, sweepFileSchema, type SweepMetric, type Trial } from '../../shared/domain/sweep'
import { AppError, appErrorSchema, messageOf } from '../../shared/errors'
import { makeFolders } from '../folders'
import { here, liveStatus } from '../runs/liveness'
import { isThere, ownerOf } from '../service/thisProcess'
import { readRecord } from '../service/recordFile'
import type { SweepPlan } from './readSweep'

/** In the folder of the experiment, beside the folders of its runs. */
export const SWEEP_FILES = {
  /** What was asked for. Its budget may be raised: a sweep that goes on reads it again. */
  asked: 'sweep.yaml',
  /** What that meant when it began: another base would make its trials incomparable. */
  record: 'sweep.json',
  /** One line a trial, written before it is trained. How it ended stands in its run's folder. */
  trials: 'trials.jsonl',
  owner: '.sweep-owner',
  /** Of a sweep that a cluster trains: its profile. */
  cluster: 'cluster.yaml',
  /** How that cluster's queue stood when it was last seen. */
  queue: 'queue.json',
  /** Of a sweep that a person has paused. */
  pause: '.sweep-pause',
} as const

const MAX_NAME_TRIES = 10_000

const recordSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  created: z.number(),
  command: z.string(),
  cwd: z.string(),
  sweep: sweepFileSchema,
  config: experimentSchema,
})
export type SweepRecord = z.infer<typeof recordSchema>

const plannedSchema = z.object({
  trial: z.int().min(0),
  point: z.int().min(0),
  seed: z.int().min(0),
  parameters: pointSchema,
  version: z.string().min(1),
})
/** A trial as it was decided on. */
export type PlannedTrial = z.infer<typeof plannedSchema>
/** One that could not even begin, and so has no folder to say so. */
const refusedSchema = z.object({ trial: z.int().min(0), refused: appErrorSchema })
const lineSchema = z.union([plannedSchema, refusedSchema])

const ownerSchema = z.object({ pid: z.int(), host: z.string(), started: z.string() })

/** A sweep on disk, `<logDir>/<name>/`: the one truth about it. One process at a time works on it. */
export class SweepFolder {
  readonly dir: string
  readonly record: SweepRecord
  readonly #trials: PlannedTrial[] = []
  readonly #refused = new Map<number, Trial['error']>()

  /**
   * Claims the folder of a new sweep; a taken name gets `-2`, `-3`, ….
   *
   * @param yaml the sweep's file, kept as it is
   * @throws AppError `unwritable`
   */
  static create(
    logDir: string,
    plan: SweepPlan,
    yaml: string,
    asked: Pick<SweepRecord, 'command' | 'cwd'>,
  ): SweepFolder {
    makeFolders(logDir)
    for (let n = 1; n <= MAX_NAME_TRIES; n++) {
      const name = n === 1 ? plan.name : `${plan.name}-${n}`
      const dir = path.join(logDir, name)
      if (!made(dir)) continue
      const { sweep, config } = plan
      const record: SweepRecord = { format: 1, name, created: Date.now(), ...asked, sweep, config }
      writeText(path.join(dir, SWEEP_FILES.asked), yaml)
      writeText(path.join(dir, SWEEP_FILES.trials), '')
      // Last: a folder with a record is a whole sweep.
      writeText(path.join(dir, SWEEP_FILES.record), `${JSON.stringify(record, null, 2)}\n`)
      return new SweepFolder(dir, record)
    }
    throw new AppError('unwritable', `${MAX_NAME_TRIES} sweeps already have the name ${plan.name}`, { file: logDir })
  }

  /**
   * @param reference the sweep's name, or its folder
   * @throws AppError `not_found`, `unreadable`
   */
  static open(reference: string, { cwd, logDir }: { cwd: string; logDir: string }): SweepFolder {
    const found = [path.resolve(cwd, reference), path.join(logDir, reference)].find((dir) =>
      fs.existsSync(path.join(dir, SWEEP_FILES.record)),
    )
    if (found === undefined)
      throw new AppError('not_found', `There is no sweep "${reference}" in ${logDir}`, {
        fix: "Name it by its folder or that folder's name: it holds a file sweep.json.",
      })
    const file = path.join(found, SWEEP_FILES.record)
    try {
      return new SweepFolder(fs.realpathSync(found), recordSchema.parse(JSON.parse(fs.readFileSync(file, 'utf8'))))
    } catch (cause) {
      throw new AppError('unreadable', `${file} is not the record of a sweep`, { file }, cause)
    }
  }

  private constructor(dir: string, record: SweepRecord) {
    this.dir = dir
    this.record = record
    const file = path.join(dir, SWEEP_FILES.trials)
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
    for (const line of text.split('\n').slice(0, -1)) {
      const parsed = lineSchema.safeParse(jsonOf(line))
      if (!parsed.success)
        throw new AppError('unreadable', `${file} has a line that is no trial`, { file }, parsed.error)
      if ('refused' in parsed.data) this.#refused.set(parsed.data.trial, parsed.data.refused)
      else this.#trials.push(parsed.data)
    }
  }

  get logDir(): string {
    return path.dirname(this.dir)
  }

  get name(): string {
    return path.basename(this.dir)
  }

  /** Decides on trials, for good. */
  plan(trials: readonly PlannedTrial[]): void {
    this.#append(trials)
    this.#trials.push(...trials)
  }

  refuse(trial: number, error: AppError): void {
    this.#append([{ trial, refused: error.toJSON() }])
    this.#refused.set(trial, error.toJSON())
  }

  /** Every trial that was decided on, and how it stands by its run's folder. */
  trials(metric: SweepMetric): Trial[] {
    return this.#trials.map((planned) => this.#stateOf(planned, metric))
  }

  trial(number: number, metric: SweepMetric): Trial {
    return this.#stateOf(this.#trials[number]!, metric)
  }

  #stateOf({ version, ...planned }: PlannedTrial, metric: SweepMetric): Trial {
    const refused = this.#refused.get(planned.trial)
    const dir = path.join(this.dir, version)
    const record = readRecord(dir)
    if (!record)
      return { ...planned, status: refused ? 'failed' : 'planned', metric: null, ...(refused && { error: refused }) }
    const { result, reason } = record
    const status = statusOf(dir, record)
    const failed = status === 'failed' || status === 'crashed'
    const error = new AppError('internal', reason ?? `The run is ${status}`, { file: dir }).toJSON()
    return {
      ...planned,
      status,
      metric: status === 'finished' || status === 'halved' ? (result?.[metric] ?? null) : null,
      runId: record.id,
      dir,
      ...(result && { epochs: result.epochs }),
      ...(failed && { error }),
    }
  }

  /** How a trial's run begins or goes on: from its last checkpoint, in its folder, or in a new one. */
  startOf(trial: number): { resume: string } | { folder: string } | object {
    const dir = path.join(this.dir, this.#trials[trial]!.version)
    if (readRecord(dir)) {
      const kept = fs.existsSync(path.join(dir, RUN_FILES.checkpoints, 'last.json'))
      return kept ? { resume: dir } : { folder: dir }
    }
    // Left by a process that was killed between making its folder and saying what it is: nothing is lost with it.
    fs.rmSync(dir, { recursive: true, force: true })
    return {}
  }

  version(trial: number): string {
    return this.#trials[trial]!.version
  }

  /** The process that works on it, as far as it is known to live, and since when (milliseconds since the Unix epoch). */
  worker(): { owner: z.infer<typeof ownerSchema>; since: number } | undefined {
    const file = path.join(this.dir, SWEEP_FILES.owner)
    const owner = ownerSchema.safeParse(jsonOf(textOf(file)))
    if (!owner.success || isThere(owner.data) === false) return undefined
    return { owner: owner.data, since: fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now() }
  }

  /** Its file, as it stands now. */
  get yaml(): string {
    return textOf(path.join(this.dir, SWEEP_FILES.asked))
  }

  /** @throws AppError `unwritable` */
  rewrite(yaml: string): void {
    writeText(path.join(this.dir, SWEEP_FILES.asked), yaml)
  }

  /** A cluster trains it from now on: what its profile says is kept with it. */
  trainOn(profile: string): void {
    writeText(path.join(this.dir, SWEEP_FILES.cluster), profile)
  }

  /**
   * `paused` by a person, until one goes on with it; `released` from then on until whoever works on it has let go what was held for that.
   */
  get pause(): 'paused' | 'released' | undefined {
    const text = textOf(path.join(this.dir, SWEEP_FILES.pause)).trim()
    return text === 'paused' || text === 'released' ? text : undefined
  }

  /** @throws AppError `unwritable` */
  setPause(pause: 'paused' | 'released' | undefined): void {
    const file = path.join(this.dir, SWEEP_FILES.pause)
    if (pause === undefined) fs.rmSync(file, { force: true })
    else writeText(file, `${pause}\n`)
  }

  /**
   * Makes this process the only one that works on the sweep.
   *
   * @returns gives it up
   * @throws AppError `usage` when another one does
   */
  claim(): () => void {
    const file = path.join(this.dir, SWEEP_FILES.owner)
    const own = JSON.stringify(ownerOf(process.pid))
    const draft = `${file}.${process.pid}`
    try {
      fs.writeFileSync(draft, own)
      for (;;) {
        try {
          // Whoever sees the file sees all of it.
          fs.linkSync(draft, file)
          return () => {
            if (textOf(file) === own) fs.rmSync(file, { force: true })
          }
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
        }
        const owner = ownerSchema.safeParse(jsonOf(textOf(file)))
        if (owner.success && isThere(owner.data) !== false)
          throw new AppError(
            'usage',
            `The sweep ${this.name} is being worked on by process ${owner.data.pid} on ${owner.data.host}`,
            {
              file: this.dir,
              fix: `Stop it first; if it is gone, delete ${file}.`,
            },
          )
        // Only one of several heirs finds the dead owner's file to move away.
        fs.renameSync(file, `${draft}.stale`)
        fs.rmSync(`${draft}.stale`, { force: true })
      }
    } catch (cause) {
      throw cause instanceof AppError ? cause : unwritable(file, cause)
    } finally {
      fs.rmSync(draft, { force: true })
    }
  }

  /** A last line that was cut short by the end of its process was never acted on, and is taken back; so is a point without all its seeds. */
  repair(seeds: number): void {
    const whole = this.#trials.length - (this.#trials.length % seeds)
    this.#trials.length = whole
    // What a cluster could not begin may have been mended since.
    for (const [trial, error] of this.#refused) if (error?.code === 'service_failed') this.#refused.delete(trial)
    const refused = [...this.#refused].map(([trial, error]) => ({ trial, refused: error }))
    const lines = [...this.#trials, ...refused].map((line) => `${JSON.stringify(line)}\n`).join('')
    const file = path.join(this.dir, SWEEP_FILES.trials)
    if (textOf(file) !== lines) writeText(file, lines)
  }

  #append(lines: readonly object[]): void {
    const file = path.join(this.dir, SWEEP_FILES.trials)
    try {
      fs.appendFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { flush: true })
    } catch (cause) {
      throw unwritable(file, cause)
    }
  }
}

function statusOf(dir: string, record: RunRecord): Trial['status'] {
  const changed = (name: string): number => fs.statSync(path.join(dir, name), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const recordWritten = changed(RUN_FILES.record)
  const lastSign = Math.max(recordWritten, changed(RUN_FILES.owner))
  const { status } = liveStatus(record, { recordWritten, lastSign }, here())
  switch (status) {
    case 'finished':
      return record.reason?.startsWith(HALVED) ? 'halved' : 'finished'
    case 'stopped':
      return isPaused(record) ? 'paused' : 'stopped'
    case 'failed':
    case 'interrupted':
    case 'crashed':
      return status
    case 'queued':
      return 'planned'
    case 'starting':
    case 'running':
    case 'stopping':
      return 'running'
  }
}

function made(dir: string): boolean {
  try {
    fs.mkdirSync(dir)
    return true
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false
    throw unwritable(dir, cause)
  }
}

/** Under another name first: a crash leaves the old text or the new one. */
function writeText(file: string, text: string): void {
  const draft = `${file}.${process.pid}.tmp`
  try {
    fs.writeFileSync(draft, text, { flush: true })
    fs.renameSync(draft, file)
  } catch (cause) {
    fs.rmSync(draft, { force: true })
    throw unwritable(file, cause)
  }
}

function textOf(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unwritable(file: string, cause: unknown): AppError {
  return new AppError(
    'unwritable',
    `${file} cannot be written: ${messageOf(cause)}`,
    { file, fix: 'Check the free space and the permissions of the folder, or choose another one by --log_dir.' },
    cause,
  )
}
