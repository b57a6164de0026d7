import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { EventPayload } from '../../shared/api/events'
import type { DataConfig } from '../../shared/config/data'
import type { ExperimentConfig } from '../../shared/config/experiment'
import type { Adaptation } from '../../shared/domain/adaptation'
import { DEFAULT_RESAMPLES, type EvaluatedSplit, type Evaluation } from '../../shared/domain/evaluation'
import { isActive } from '../../shared/domain/lifecycle'
import { RUN_FILES } from '../../shared/domain/run'
import type { UsersAnswer, UsersQuestion, Why } from '../../shared/domain/users'
import { AppError } from '../../shared/errors'
import { savedExperiment } from '../config/savedExperiment'
import { fingerprintOf, statOf } from '../datasets/registry'
import { HeldEngines, type Holding, type Patience } from '../engine/heldEngine'
import { runInEngine } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'
import type { FileRoots } from '../files/fileRoots'
import { isInside } from '../runs/readInside'
import { storeEvaluation } from '../runs/storedEvaluation'
import { Tickets } from '../service/tickets'
import type { Store } from '../store/openStore'
import { adaptCommand } from './adaptCommand'
import { embedHere } from './embedHere'
import { refuseForeignData } from './runData'

export interface RunInspectorOptions {
  spawner: EngineSpawner
  /** What a page may name. */
  files: FileRoots
  /** Data sets that are known, as far as they can be used. */
  datasets: () => DataConfig[]
  /** How far something is that somebody waits for under a ticket. */
  onWork: (work: EventPayload<'users.work'>) => void
}

export type AnswerTo<T extends UsersQuestion['type']> = Extract<UsersAnswer, { type: T }>

/** Engines that hold trained runs for looking at their users. */
export class RunInspector {
  readonly #options: RunInspectorOptions
  readonly #engines: HeldEngines<UsersQuestion, UsersAnswer>
  readonly #tickets = new Tickets()

  constructor(options: RunInspectorOptions) {
    this.#options = options
    this.#engines = new HeldEngines(options.spawner)
  }

  /**
   * @throws AppError `usage` for a run that still trains, `not_found` for one without a folder or a checkpoint, `forbidden_path` where its data
   * is not allowed to be shown, and whatever the engine says
   */
  async ask<T extends UsersQuestion['type']>(
    store: Store,
    id: string,
    question: Extract<UsersQuestion, { type: T }>,
    patience: Patience = {},
  ): Promise<AnswerTo<T>> {
    const { config, run } = await this.#open(store, id)
    const hold = (): Holding<UsersQuestion, UsersAnswer> => holding(config, run)
    const answer = await this.#engines.ask(id, fingerprint(config, run), hold, question, patience)
    if (answer.type === 'error') throw AppError.fromJSON(answer.error)
    if (!answers(answer, question.type))
      throw new AppError('engine_protocol', `The engine answered "${answer.type}" to "${question.type}"`)
    return answer
  }

  /**
   * Which of two pasted answers a user would prefer.
   *
   * @throws AppError as {@link ask}, and `usage` where the embedder of the data does not run here
   */
  async prefer(
    store: Store,
    id: string,
    about: Pick<Extract<UsersQuestion, { type: 'prefer' }>, 'split' | 'user'>,
    { prompt, first, second }: Record<'prompt' | 'first' | 'second', string>,
    stop: AbortSignal,
  ): Promise<Why> {
    const { config } = await this.#open(store, id)
    const [x, one, other] = await embedHere(config.data.embedder, [prompt, first, second], stop)
    if (!x || !one || !other) throw new AppError('stopped', 'Stopped while embedding')
    return (await this.ask(store, id, { type: 'prefer', ...about, prompt: x, first: one, second: other })).why
  }

  /**
   * Fits users as if they were new.
   *
   * @param ticket under which it may be ended, and says how far it is
   * @returns with the command that does the same; null where the split has users whom training knows, which the command line refuses
   * @throws AppError as {@link ask}, `stopped` where it was cancelled, or its ticket used again
   */
  async adapt(
    store: Store,
    id: string,
    question: Omit<Extract<UsersQuestion, { type: 'adapt' }>, 'type'>,
    ticket: string | undefined,
  ): Promise<Adaptation & { command: string | null }> {
    const fit = (patience: Patience) => this.ask(store, id, { type: 'adapt', ...question }, patience)
    const { adaptation } =
      ticket === undefined
        ? await fit({})
        : await this.#tickets.run(ticket, (stop) =>
            fit({ stop, onWork: ({ done, total = done }) => this.#options.onWork({ ticket, done, total }) }),
          )
    const { users } = (await this.ask(store, id, { type: 'table', split: question.split })).table
    const { config, run } = await this.#open(store, id)
    const files = config.data[question.split]
    return {
      ...adaptation,
      command: files && !users.some(({ known }) => known) ? adaptCommand(run, files, question) : null,
    }
  }

  /**
   * Evaluates a run's checkpoint as the run itself does at its end, and keeps that in its folder.
   *
   * @throws AppError as {@link ask}, and `unwritable`
   */
  async evaluate(store: Store, id: string, split: EvaluatedSplit, stop: AbortSignal): Promise<Evaluation> {
    const { config, run } = await this.#open(store, id)
    const request = { type: 'evaluate' as const, config, run, split, resamples: DEFAULT_RESAMPLES }
    const frame = await runInEngine(this.#options.spawner, request, () => {}, stop)
    if (frame.type !== 'evaluation')
      throw new AppError('engine_protocol', `The engine answered "${frame.type}" to "evaluate"`)
    await storeEvaluation(run, frame.evaluation)
    return frame.evaluation
  }

  /** Ends what somebody waits for under a ticket with `stopped`; nothing where there is none. */
  cancel(ticket: string): void {
    this.#tickets.end(ticket)
  }

  close(): void {
    this.#engines.close()
  }

  async #open(store: Store, id: string): Promise<{ config: ExperimentConfig; run: string }> {
    const { dir, trash_dir, status } = store.runs.get(id)
    const place = dir ?? trash_dir
    const run = place === null ? undefined : await realpath(place).catch(() => undefined)
    if (run === undefined) throw new AppError('not_found', 'The folder of this run is gone')
    if (isActive(status))
      throw new AppError('usage', 'This run is still training', { fix: 'Its users can be looked at when it ends.' })
    for (const file of [RUN_FILES.hparams, RUN_FILES.checkpoints]) await refuseLinkOut(run, file)
    const config = savedExperiment({ dir: run })
    await refuseLinkOut(run, checkpointOf(config))
    refuseForeignData(config.data, this.#options.files, this.#options.datasets())
    return { config, run }
  }
}

const checkpointOf = ({ trainer }: ExperimentConfig): string =>
  join(RUN_FILES.checkpoints, `${trainer.test_on}.safetensors`)

/** Somebody else may have put a link into the folder. */
async function refuseLinkOut(run: string, file: string): Promise<void> {
  const real = await realpath(join(run, file)).catch(() => undefined)
  if (real === undefined)
    throw new AppError('not_found', `This run has no ${file}`, {
      file: join(run, file),
      fix: 'Users are predicted with the checkpoint that a run writes while it trains.',
    })
  if (!isInside(run, real))
    throw new AppError('unreadable', `${file} is a link out of the folder of the run`, { file: join(run, file) })
}

function fingerprint(config: ExperimentConfig, run: string): string {
  const checkpoint = statOf(join(run, checkpointOf(config)))
  return createHash('sha256')
    .update(`${fingerprintOf(config.data)}\0${JSON.stringify(config)}\0${checkpoint?.size}\0${checkpoint?.mtimeMs}`)
    .digest('hex')
}

function holding(config: ExperimentConfig, run: string): Holding<UsersQuestion, UsersAnswer> {
  return {
    open: { type: 'inspect', config, run },
    ask: (id, question) => ({ type: 'ask', id, question }),
    told: (frame) => (frame.type === 'told' ? frame : undefined),
    drop: (id) => ({ type: 'drop', id }),
    what: 'run',
  }
}

const answers = <T extends UsersQuestion['type']>(answer: UsersAnswer, type: T): answer is AnswerTo<T> =>
  answer.type === type
