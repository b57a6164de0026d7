import type { Session, WebContents, WebPreferences } from 'electron'
import { join } from 'node:path'
import { isAppUrl } from './appUrl'

export const WEB_PREFERENCES: WebPreferences = {
  preload: join(import.meta.dirname, '..', 'preload', 'index.cjs'),
  contextIsolation: true,
  sandbox: true,
  nodeIntegration: false,
  nodeIntegrationInSubFrames: false,
  nodeIntegrationInWorker: false,
  webSecurity: true,
  webviewTag: false,
  spellcheck: false,
}

/** The page copies commands to the clipboard; it is granted nothing else, and nobody else anything. */
export function isGranted(permission: string, url: string): boolean {
  return permission === 'clipboard-sanitized-write' && isAppUrl(url)
}

/** The page is complete in itself: whatever else it asks for, someone else made it ask. */
export function isRequestAllowed(url: string): boolean {
  return (
    isAppUrl(url) || url.startsWith('devtools://') || url.startsWith('data:image/') || url.startsWith('blob:app://')
  )
}

export function secureSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, grant, details) => {
    grant(isGranted(permission, details.requestingUrl))
  })
  session.setPermissionCheckHandler((_contents, permission, origin) => isGranted(permission, origin))
  session.setDevicePermissionHandler(() => false)
  session.webRequest.onBeforeRequest((details, proceed) => proceed({ cancel: !isRequestAllowed(details.url) }))
  session.on('will-download', (event) => event.preventDefault())
}

/** No page of the app goes anywhere or opens anything. Loading by the main process is not a navigation in this sense. */
export function confine(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  contents.on('will-frame-navigate', (event) => {
    // A reload of the page itself is one too.
    if (!isAppUrl(event.url)) event.preventDefault()
  })
  contents.on('will-redirect', (event) => event.preventDefault())
  contents.on('will-attach-webview', (event) => event.preventDefault())
}
