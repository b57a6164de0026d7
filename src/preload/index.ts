import { contextBridge, ipcRenderer, webUtils, type IpcRendererEvent } from 'electron'
import type { Bridge, Channels } from '../shared/api/bridge'
import type { AppEvent } from '../shared/api/events'

const REQUEST: Channels['request'] = 'delta:request'
const EVENT: Channels['event'] = 'delta:event'
const DROPPED: Channels['dropped'] = 'delta:dropped'

// Checks nothing: the main process trusts no caller and parses every input itself.
const bridge: Bridge = {
  request: (route, input) => ipcRenderer.invoke(REQUEST, route, input),
  on(listener) {
    // The event object leads to ipcRenderer: it stays here.
    const handler = (_event: IpcRendererEvent, event: AppEvent): void => listener(event)
    ipcRenderer.on(EVENT, handler)
    return () => void ipcRenderer.off(EVENT, handler)
  },
  // Only here, outside the page's reach, a path comes of a File, and only of one that a person has given.
  dropped: (files) =>
    ipcRenderer.invoke(
      DROPPED,
      [...files].map(pathOf).filter((path) => path !== ''),
    ),
}

function pathOf(file: unknown): string {
  try {
    return webUtils.getPathForFile(file as File)
  } catch {
    // Anything but a File.
    return ''
  }
}

contextBridge.exposeInMainWorld('delta', bridge)
