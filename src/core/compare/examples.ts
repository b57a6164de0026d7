import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import path from 'node:path'
import type { DataConfig } from '../../shared/config/data'
import type { ExamplesAnswer, ExamplesFiles, ExamplesOf, ExamplesQuestion } from '../../shared/domain/examples'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError, type AppErrorJson } from '../../shared/errors'
import { savedExperiment } from '../config/savedExperiment'
import { statOf } from '../datasets/registry'
import { HeldEngines, type Holding } from '../engine/heldEngine'
import type { EngineSpawner } from '../engine/spawner'
import type { FileRoots } from '../files/fileRoots'
import { isInside } from '../runs/readInside'
import { hashFile } from '../store/fileHashes'
import type { Store } from '../store/openStore'
import { refuseForeignData } from '../users/runData'
import { sideOf, testedFile } from './pairedRuns'

export interface ExamplesOptions {
  spawner: EngineSpawner
  /** What a page may name. */
  files: FileRoots
  /** Data sets that are known, as far as they can be used. */
  datasets: () => DataConfig[]
}

type AnswerTo<T extends ExamplesQuestion['type']> = Extract<ExamplesAnswer, { type: T }>

/** Engines that hold the predictions of some runs each, with the texts of their pairs where a person has allowed these. */
export class Examples {
  readonly #options: ExamplesOptions
  readonly #engines: HeldEngines<ExamplesQuestion, ExamplesAnswer>

  constructor(options: ExamplesOptions) {
    this.#options = options
    this.#engines = new HeldEngines(options.spawner)
  }

  /**
   * @returns the answer, and why it has no texts where it has none
   * @throws AppError `usage` for runs that cannot be compared, `not_found`, `unreadable` for predictions that are a link out of the run's folder,
   * and whatever the engine says
   */
  async ask<T extends ExamplesQuestion['type']>(
    store: Store,
    of: ExamplesOf,
    question: Extract<ExamplesQuestion, { type: T }>,
  ): Promise<AnswerTo<T> & { hidden: AppErrorJson | null }> {
    const sides = of.runs.map((id) => sideOf(store, [id], of.split))
    const files: string[] = []
    for (const [at, side] of sides.entries()) {
      if ('skipped' in side) throw cannot(side.skipped)
      const [first] = sides
      if (first && 'data' in first && first.data !== side.data) throw cannot('they were not tested on the same data')
      files.push(await within(store, of.runs[at]!, side.files[0]))
    }
    const { pairs, hidden } = await this.#pairsOf(store, of)
    const held = { runs: files, ...(pairs !== undefined && { pairs }) }
    const key = [...of.runs, of.split].join('\0')
    const answer = await this.#engines.ask(key, fingerprint(held), () => holding(held), question)
    if (answer.type === 'error') throw AppError.fromJSON(answer.error)
    if (!answers(answer, question.type))
      throw new AppError('engine_protocol', `The engine answered "${answer.type}" to "${question.type}"`)
    return { ...answer, hidden }
  }

  close(): void {
    this.#engines.close()
  }

  /** The file with the texts, of any of the runs: a configuration that comes with a run vouches for no file. */
  async #pairsOf(store: Store, { runs, split }: ExamplesOf): Promise<{ pairs?: string; hidden: AppErrorJson | null }> {
    let hidden: AppErrorJson | null = null
    for (const id of runs) {
      try {
        const { dir } = store.runs.get(id)
        if (dir === null) continue
        await within(store, id, path.join(dir, RUN_FILES.hparams))
        const { data } = savedExperiment({ dir })
        refuseForeignData(data, this.#options.files, this.#options.datasets())
        const pairs = data[split]?.df_file
        if (pairs === undefined) continue
        await refuseChanged(store, testedFile(store, id, split), split, pairs)
        return { pairs, hidden: null }
      } catch (error) {
        hidden ??= AppError.from(error).toJSON()
      }
    }
    return {
      hidden: hidden ?? new AppError('not_found', `None of the runs says where the pairs of ${split} lie`).toJSON(),
    }
  }
}

function cannot(why: string): AppError {
  return new AppError('usage', `These runs cannot be compared pair by pair: ${why}`)
}

/** The texts of another file would be put beside these predictions. */
async function refuseChanged(store: Store, tested: string | undefined, split: string, file: string): Promise<void> {
  const { sha256 } = await hashFile(file, store).catch((cause: unknown) => {
    throw new AppError('not_found', `The file of ${split} is gone`, { file }, cause)
  })
  if (tested !== undefined && tested !== sha256)
    throw new AppError('data_invalid', `The file of ${split} has changed since this run was tested on it`, {
      file,
      fix: 'Its texts are not shown, since they may belong to other pairs.',
    })
}

/** The folder of a run may come from anywhere: its files have to lie in it. */
async function within(store: Store, id: string, file = ''): Promise<string> {
  const { dir } = store.runs.get(id)
  const [folder, real] = await Promise.all([realpath(dir ?? ''), realpath(file)]).catch((cause: unknown) => {
    throw new AppError('not_found', 'A file of this run is gone', { file }, cause)
  })
  if (isInside(folder, real)) return real
  throw new AppError('unreadable', `${path.basename(file)} is a link out of the folder of the run`, { file })
}

function fingerprint(files: ExamplesFiles): string {
  const all = [...files.runs, files.pairs ?? '']
  const stamps = all.map((file) => [file, statOf(file)?.size, statOf(file)?.mtimeMs])
  return createHash('sha256').update(JSON.stringify(stamps)).digest('hex')
}

function holding(files: ExamplesFiles): Holding<ExamplesQuestion, ExamplesAnswer> {
  return {
    open: { type: 'hold_examples', files },
    ask: (id, question) => ({ type: 'ask_examples', id, question }),
    told: (frame) => (frame.type === 'examples' ? frame : undefined),
    what: 'predictions',
  }
}

const answers = <T extends ExamplesQuestion['type']>(answer: ExamplesAnswer, type: T): answer is AnswerTo<T> =>
  answer.type === type
