import type { Bridge } from '../../shared/api/bridge'
import type { Transport } from './transport'

/** The main process is there as long as the window is: this connection is never lost. */
export function electronTransport(bridge: Bridge): Transport {
  return {
    request: (route, input) => bridge.request(route, input),
    onEvent: (listener) => bridge.on(listener),
    onState(listener) {
      listener('open')
      return () => undefined
    },
  }
}
