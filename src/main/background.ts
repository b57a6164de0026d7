import { app, type BrowserWindow } from 'electron'
import { join } from 'node:path'
import type { ShellSettingsFile } from './shellSettings'
import { BackgroundTray } from './tray'

export interface BackgroundActions {
  settings: ShellSettingsFile
  running: () => number
  window: () => BrowserWindow | undefined
  open: () => void
  quit: () => void
}

/** Between the end of a run and the start of the next one in the queue. */
const SETTLED_AFTER_MS = 3_000

/** The program without its window: runs go on, and the last one may end it. */
export class Background {
  readonly #actions: BackgroundActions
  readonly #tray: BackgroundTray
  #isIn = false
  #ending: NodeJS.Timeout | undefined

  constructor(actions: BackgroundActions) {
    this.#actions = actions
    this.#tray = new BackgroundTray({
      ...actions,
      icon: join(import.meta.dirname, '..', '..', 'resources', 'icon.png'),
    })
  }

  enter(): void {
    this.#isIn = true
    this.#actions.window()?.hide()
    if (process.platform === 'darwin') app.dock?.hide()
    this.#tray.show()
    this.update()
  }

  leave(): void {
    this.#isIn = false
    clearTimeout(this.#ending)
    this.#tray.hide()
    if (process.platform === 'darwin') void app.dock?.show()
  }

  /** Something about the runs has changed. */
  update(): void {
    if (!this.#isIn) return
    this.#tray.update()
    clearTimeout(this.#ending)
    const { running, settings, quit } = this.#actions
    if (running() > 0) return
    this.#ending = setTimeout(() => {
      if (this.#isIn && running() === 0 && settings.now.quitWhenDone) quit()
    }, SETTLED_AFTER_MS)
  }
}
