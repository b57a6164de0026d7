import type { AppEvent } from '../../shared/api/events'
import type { Bridge } from '../../shared/api/bridge'
import type { Transport } from './transport'

/** The main process is there as long as the window is: this connection is never lost. */
export function electronTransport(bridge: Bridge): Transport {
  const listeners = new Set<(event: AppEvent) => void>()
  // Once for the whole page: an event crosses to it once, and Node warns of the eleventh listener of an emitter.
  bridge.on((event) => listeners.forEach((listener) => listener(event)))
  return {
    request: (route, input) => bridge.request(route, input),
    onEvent(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onState(listener) {
      listener('open')
      return () => undefined
    },
  }
}
