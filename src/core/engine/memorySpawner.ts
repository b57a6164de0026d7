import { PROTOCOL_VERSION } from '../../shared/api/engineProtocol'
import type { EngineExit, EngineSpawner } from './spawner'

/** What an engine in memory sees of its parent. */
export interface MemoryPort {
  /** Says one frame; the protocol's version is added. */
  say(frame: object): void
  /** Frames of the parent. */
  listen(listener: (frame: unknown) => void): void
  /** Ends, as a process does: nothing is heard or said after it. */
  exit(exit?: Partial<EngineExit>): void
}

/**
 * Engines without a process, for callers that bring their own: `start` is called for each and talks through its port. Frames
 * are cloned and arrive later than they were sent, as between processes, so that nothing is shared by mistake.
 */
export function memorySpawner(start: (port: MemoryPort) => void): EngineSpawner {
  return {
    spawn() {
      const parent = channel<unknown>()
      const engine = channel<unknown>()
      const ended = channel<EngineExit>()
      let over = false
      const exit = ({ code = 0, signal = null, stderr = '' }: Partial<EngineExit> = {}): void => {
        if (over) return
        over = true
        ended.send({ code, signal, stderr })
      }
      queueMicrotask(() =>
        start({
          say: (frame) => {
            if (!over) parent.send({ v: PROTOCOL_VERSION, ...frame })
          },
          listen: engine.listen,
          exit,
        }),
      )
      return {
        send: (request) => {
          if (!over) engine.send({ v: PROTOCOL_VERSION, ...request })
        },
        onFrame: parent.listen,
        onExit: ended.listen,
        kill: () => exit({ code: null, signal: 'SIGKILL' }),
      }
    },
  }
}

/** One direction: what is sent before anybody listens is kept. */
function channel<T>(): { send: (message: T) => void; listen: (listener: (message: T) => void) => void } {
  let listener: ((message: T) => void) | undefined
  const waiting: T[] = []
  const drain = (): void => {
    for (let next = waiting.shift(); next !== undefined && listener; next = waiting.shift()) listener(next)
  }
  return {
    send(message) {
      waiting.push(structuredClone(message))
      if (listener) queueMicrotask(drain)
    },
    listen(given) {
      listener = given
      queueMicrotask(drain)
    },
  }
}
