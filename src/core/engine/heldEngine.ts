import { fromEngineSchema, type FromEngine, type Work } from '../../shared/api/engineProtocol'
import { AppError } from '../../shared/errors'
import type { EngineProcess, EngineRequest, EngineSpawner } from './spawner'

/** How long an engine is held that nobody asks. */
const IDLE_MS = 5 * 60_000
/** Each may hold half a gigabyte of texts, or a table of vectors. */
const MOST_ENGINES = 2
const READY_TIMEOUT_MS = 30_000

/** How to talk with an engine that holds something and answers questions about it. */
export interface Holding<Question, Answer> {
  /** The first frame: what it is to hold. */
  open: EngineRequest
  ask: (id: number, question: Question) => EngineRequest
  /** Says that nobody waits for an answer any more; without it, it is computed for nobody. */
  drop?: (id: number) => EngineRequest
  /** An answer to one of the questions; undefined for any other frame. */
  told: (frame: FromEngine) => { id: number; answer: Answer } | undefined
  onFrame?: (frame: FromEngine) => void
  /** What it holds, for messages: rows, run. */
  what: string
}

/** Of somebody who asks. */
export interface Patience {
  /** Aborted once they wait no longer: the answer is then `stopped`. */
  stop?: AbortSignal
  /** How far the engine is with their question. */
  onWork?: (work: Work) => void
}

/** Engines that hold something each, by key. Of those that nobody waits for, the one that was asked longest ago goes first. */
export class HeldEngines<Question, Answer> {
  readonly #spawner: EngineSpawner
  readonly #idleMs: number
  readonly #engines = new Map<string, HeldEngine<Question, Answer>>()
  #closed = false

  constructor(spawner: EngineSpawner, idleMs = IDLE_MS) {
    this.#spawner = spawner
    this.#idleMs = idleMs
  }

  /**
   * @param fingerprint of what is to be held: once it differs, an engine starts anew
   * @throws AppError of the engine, `stopped` once these are closed or `patience` has ended
   */
  async ask(
    key: string,
    fingerprint: string,
    holding: () => Holding<Question, Answer>,
    question: Question,
    patience: Patience = {},
  ): Promise<Answer> {
    if (patience.stop?.aborted) throw noLongerAsked()
    // Whoever looked something up before asking may come after the end, and nobody would end what is started then.
    if (this.#closed) throw new AppError('stopped', 'The workbench is closing')
    let engine = this.#engines.get(key)
    if (engine && (engine.fingerprint !== fingerprint || engine.over)) {
      engine.end()
      engine = undefined
    }
    engine ??= new HeldEngine(this.#spawner, holding(), fingerprint, this.#idleMs)
    // The newest is the last one to go.
    this.#engines.delete(key)
    this.#engines.set(key, engine)
    if (this.#engines.size > MOST_ENGINES) this.#forgetOne(key)
    return engine.ask(question, patience)
  }

  /** Makes room for the newest. */
  #forgetOne(newest: string): void {
    const others = [...this.#engines].filter(([key]) => key !== newest)
    const [key, engine] = others.find(([, { waitedFor }]) => !waitedFor) ?? others[0] ?? []
    if (key === undefined) return
    engine?.end(
      new AppError('engine_crashed', 'This was given up, since several others were asked for meanwhile', {
        fix: 'Ask again: each takes the memory of a data set, so that few are held at once.',
      }),
    )
    this.#engines.delete(key)
  }

  forget(key: string): void {
    this.#engines.get(key)?.end()
    this.#engines.delete(key)
  }

  close(): void {
    this.#closed = true
    for (const key of [...this.#engines.keys()]) this.forget(key)
  }
}

interface Waiting<Answer> {
  resolve: (answer: Answer) => void
  reject: (error: AppError) => void
  onWork: Patience['onWork']
}

const noLongerAsked = (): AppError => new AppError('stopped', 'Nobody waits for this answer any more')

class HeldEngine<Question, Answer> {
  readonly fingerprint: string
  over = false
  readonly #holding: Holding<Question, Answer>
  readonly #engine: EngineProcess
  readonly #waiting = new Map<number, Waiting<Answer>>()
  readonly #unsent: EngineRequest[] = []
  readonly #idleMs: number
  #ready = false
  #next = 0
  #idle: NodeJS.Timeout | undefined
  #error: AppError | undefined

  constructor(spawner: EngineSpawner, holding: Holding<Question, Answer>, fingerprint: string, idleMs: number) {
    this.fingerprint = fingerprint
    this.#holding = holding
    this.#idleMs = idleMs
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
        engine.send(holding.open)
        for (const request of this.#unsent.splice(0)) engine.send(request)
        return
      }
      if (frame.type === 'error') {
        this.#error = AppError.fromJSON(frame.error)
        return
      }
      const told = holding.told(frame)
      if (told) {
        this.#waiting.get(told.id)?.resolve(told.answer)
        this.#waiting.delete(told.id)
      } else if (frame.type === 'work' && frame.id !== undefined) this.#waiting.get(frame.id)?.onWork?.(frame.work)
      else holding.onFrame?.(frame)
    })
    engine.onExit(({ signal, code }) => {
      clearTimeout(starting)
      clearTimeout(this.#idle)
      this.over = true
      const error =
        this.#error ??
        new AppError(
          'engine_crashed',
          `The engine that held the ${holding.what} has ended (${signal ?? `exit code ${code}`})`,
          { fix: 'Ask again: it is started anew. Systems that run out of memory end programs so.' },
        )
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    })
  }

  ask(question: Question, { stop, onWork }: Patience): Promise<Answer> {
    clearTimeout(this.#idle)
    const id = this.#next++
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.set(id, { resolve, reject, onWork }))
    const send = (request: EngineRequest): void => {
      if (this.#ready) this.#engine.send(request)
      else this.#unsent.push(request)
    }
    const drop = (): void => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      const request = this.#holding.drop?.(id)
      if (request) send(request)
      waiting?.reject(noLongerAsked())
    }
    send(this.#holding.ask(id, question))
    stop?.addEventListener('abort', drop, { once: true })
    return answer.finally(() => {
      stop?.removeEventListener('abort', drop)
      clearTimeout(this.#idle)
      if (!this.over && this.#waiting.size === 0) this.#idle = setTimeout(() => this.end(), this.#idleMs).unref()
    })
  }

  /** Whether somebody waits for an answer. */
  get waitedFor(): boolean {
    return this.#waiting.size > 0
  }

  /**
   * It holds nothing that is worth keeping.
   *
   * @param why what those are told who wait for an answer
   */
  end(why = new AppError('stopped', `The ${this.#holding.what} is no longer held`)): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.#idle)
    this.#error ??= why
    this.#engine.kill()
  }
}
