import { fromEngineSchema } from '../../shared/api/engineProtocol'
import type { BrowseAnswer, BrowseQuery } from '../../shared/domain/browse'
import type { DataConfig } from '../../shared/config/data'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import { AppError } from '../../shared/errors'
import type { EngineProcess, EngineSpawner } from '../engine/spawner'
import type { OnWork } from './works'

/** How long a data set is held that nobody looks at. */
const IDLE_MS = 5 * 60_000
/** Each holds up to half a gigabyte of texts. */
const MOST_SESSIONS = 2
const READY_TIMEOUT_MS = 30_000

type Waiting = { resolve: (answer: BrowseAnswer) => void; reject: (error: AppError) => void }

/** Engines that hold data sets for looking at them. */
export class DatasetBrowser {
  readonly #spawner: EngineSpawner
  readonly #onWork: (key: string) => OnWork
  readonly #sessions = new Map<string, Session>()
  readonly #idleMs: number

  constructor(spawner: EngineSpawner, onWork: (key: string) => OnWork, idleMs = IDLE_MS) {
    this.#spawner = spawner
    this.#onWork = onWork
    this.#idleMs = idleMs
  }

  /** @throws AppError of the engine, of the data */
  async ask(key: string, fingerprint: string, data: DataConfig, query: BrowseQuery): Promise<BrowseAnswer> {
    let session = this.#sessions.get(key)
    if (session && (session.fingerprint !== fingerprint || session.over)) {
      session.end()
      session = undefined
    }
    session ??= new Session(this.#spawner, data, fingerprint, this.#onWork(key), this.#idleMs)
    // The newest is the last one to go.
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
    if (this.#sessions.size > MOST_SESSIONS) {
      const [oldest] = this.#sessions
      if (oldest) this.forget(oldest[0])
    }
    return session.ask(query)
  }

  forget(key: string): void {
    this.#sessions.get(key)?.end()
    this.#sessions.delete(key)
  }

  close(): void {
    for (const key of [...this.#sessions.keys()]) this.forget(key)
  }
}

class Session {
  readonly fingerprint: string
  over = false
  readonly #engine: EngineProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #unsent: { id: number; query: BrowseQuery }[] = []
  readonly #idleMs: number
  #ready = false
  #next = 0
  #idle: NodeJS.Timeout | undefined
  #error: AppError | undefined

  constructor(spawner: EngineSpawner, data: DataConfig, fingerprint: string, onWork: OnWork, idleMs: number) {
    this.fingerprint = fingerprint
    this.#idleMs = idleMs
    const splits = SPLIT_NAMES.flatMap((split) => (data[split] ? [{ split, file: data[split].df_file }] : []))
    const engine = spawner.spawn()
    this.#engine = engine
    const starting = setTimeout(() => {
      this.#error = new AppError('engine_crashed', `The engine did not start within ${READY_TIMEOUT_MS / 1000} s`)
      engine.kill()
    }, READY_TIMEOUT_MS)
    engine.onFrame((raw) => {
      const { data: frame } = fromEngineSchema.safeParse(raw)
      if (!frame) {
        this.#error = new AppError('engine_protocol', 'The engine said something that cannot be understood')
        return engine.kill()
      }
      if (frame.type === 'ready') {
        clearTimeout(starting)
        this.#ready = true
        engine.send({ type: 'browse', splits })
        for (const { id, query } of this.#unsent.splice(0)) engine.send({ type: 'query', id, query })
      } else if (frame.type === 'answer') {
        this.#waiting.get(frame.id)?.resolve(frame.answer)
        this.#waiting.delete(frame.id)
      } else if (frame.type === 'work') onWork(frame.work)
      else if (frame.type === 'error') this.#error = AppError.fromJSON(frame.error)
    })
    engine.onExit(({ signal, code }) => {
      clearTimeout(starting)
      clearTimeout(this.#idle)
      this.over = true
      const error =
        this.#error ??
        new AppError('engine_crashed', `The engine that held the rows has ended (${signal ?? `exit code ${code}`})`, {
          fix: 'Ask again: it is started anew. Systems that run out of memory end programs so.',
        })
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    })
  }

  ask(query: BrowseQuery): Promise<BrowseAnswer> {
    clearTimeout(this.#idle)
    const id = this.#next++
    const answer = new Promise<BrowseAnswer>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    if (this.#ready) this.#engine.send({ type: 'query', id, query })
    else this.#unsent.push({ id, query })
    return answer.finally(() => {
      clearTimeout(this.#idle)
      if (!this.over && this.#waiting.size === 0) this.#idle = setTimeout(() => this.end(), this.#idleMs).unref()
    })
  }

  /** It holds nothing that is worth keeping. */
  end(): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.#idle)
    this.#error ??= new AppError('stopped', 'The rows are no longer held')
    this.#engine.kill()
  }
}
