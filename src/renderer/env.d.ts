/// <reference types="vite/client" />
import type { Bridge } from '../shared/api/bridge'

declare global {
  interface Window {
    /** Put in by the preload; absent in a browser. */
    readonly delta?: Bridge
  }
}
