import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron'
import type { Bridge, Channels } from '../shared/api/bridge'
import type { AppEvent } from '../shared/api/events'

const REQUEST: Channels['request'] = 'delta:request'
const EVENT: Channels['event'] = 'delta:event'

// Checks nothing: the main process trusts no caller and parses every input itself.
const bridge: Bridge = {
  request: (route, input) => ipcRenderer.invoke(REQUEST, route, input),
  on(listener) {
    // The event object leads to ipcRenderer: it stays here.
    const handler = (_event: IpcRendererEvent, event: AppEvent): void => listener(event)
    ipcRenderer.on(EVENT, handler)
    return () => void ipcRenderer.off(EVENT, handler)
  },
}

contextBridge.exposeInMainWorld('delta', bridge)
