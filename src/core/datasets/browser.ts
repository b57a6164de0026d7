import type { BrowseAnswer, BrowseQuery } from '../../shared/domain/browse'
import type { DataConfig } from '../../shared/config/data'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import { HeldEngines, type Holding } from '../engine/heldEngine'
import type { EngineSpawner } from '../engine/spawner'
import type { OnWork } from './works'

/** Engines that hold data sets for looking at them. */
export class DatasetBrowser {
  readonly #onWork: (key: string) => OnWork
  readonly #engines: HeldEngines<BrowseQuery, BrowseAnswer>

  constructor(spawner: EngineSpawner, onWork: (key: string) => OnWork, idleMs?: number) {
    this.#onWork = onWork
    this.#engines = new HeldEngines(spawner, idleMs)
  }

  /** @throws AppError of the engine, of the data */
  ask(key: string, fingerprint: string, data: DataConfig, query: BrowseQuery): Promise<BrowseAnswer> {
    return this.#engines.ask(key, fingerprint, () => holding(data, this.#onWork(key)), query)
  }

  forget(key: string): void {
    this.#engines.forget(key)
  }

  close(): void {
    this.#engines.close()
  }
}

function holding(data: DataConfig, onWork: OnWork): Holding<BrowseQuery, BrowseAnswer> {
  const splits = SPLIT_NAMES.flatMap((split) => (data[split] ? [{ split, file: data[split].df_file }] : []))
  return {
    open: { type: 'browse', splits },
    ask: (id, query) => ({ type: 'query', id, query }),
    told: (frame) => (frame.type === 'answer' ? frame : undefined),
    onFrame: (frame) => {
      if (frame.type === 'work') onWork(frame.work)
    },
    what: 'data set',
  }
}
