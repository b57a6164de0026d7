import { app, BrowserWindow, dialog, nativeTheme, screen } from 'electron'
import { join } from 'node:path'
import { PAGE_URL } from './appUrl'
import { WEB_PREFERENCES } from './security'
import { keepWindowState, MIN_SIZE, openingBounds, readWindowState } from './windowBounds'

/** The page's own background, so that nothing flashes before its first paint. */
const BACKGROUND = { light: '#f7f8fa', dark: '#14171c' }
/** A page that dies again at once would be reloaded for ever. */
const MAX_RELOADS = 3
const RELOADS_WITHIN_MS = 60_000
const RELOAD_AFTER_MS = 100

export function createWindow(): BrowserWindow {
  const stateFile = join(app.getPath('userData'), 'window.json')
  const state = readWindowState(stateFile)
  const screens = screen.getAllDisplays().map(({ workArea }) => workArea)
  const window = new BrowserWindow({
    ...openingBounds(state, screens),
    minWidth: MIN_SIZE.width,
    minHeight: MIN_SIZE.height,
    show: false,
    title: 'Delta Workbench',
    icon: join(import.meta.dirname, '..', '..', 'resources', 'icon.png'),
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: WEB_PREFERENCES,
  })
  window.once('ready-to-show', () => {
    if (state?.maximized) window.maximize()
    window.show()
  })
  keepWindowState(window, stateFile)
  reloadAfterCrash(window)
  void window.loadURL(PAGE_URL)
  return window
}

function reloadAfterCrash(window: BrowserWindow): void {
  let crashes: number[] = []
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return
    const now = Date.now()
    crashes = [...crashes.filter((time) => now - time < RELOADS_WITHIN_MS), now]
    // Chromium is still taking the dead page apart: reloading from within this event crashes the whole app.
    if (crashes.length <= MAX_RELOADS) return void setTimeout(() => reload(window), RELOAD_AFTER_MS)
    const message = 'The window keeps failing. Your runs are not affected: training and its files live outside it.'
    const buttons = ['Try again', 'Quit']
    void dialog
      .showMessageBox(window, { type: 'error', message, detail: `Reason: ${reason}`, buttons })
      .then((chosen) => {
        crashes = []
        if (chosen.response === 0) reload(window)
        else app.quit()
      })
  })
}

function reload(window: BrowserWindow): void {
  if (!window.isDestroyed()) window.webContents.reload()
}
