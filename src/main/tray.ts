import { Menu, nativeImage, Tray } from 'electron'
import { inProgress } from './closing'
import type { ShellSettingsFile } from './shellSettings'

export interface TrayActions {
  icon: string
  settings: ShellSettingsFile
  running: () => number
  open: () => void
  quit: () => void
}

const ICON_PX = 22

/** The sign in the system's tray that runs go on without a window. */
export class BackgroundTray {
  readonly #actions: TrayActions
  #tray: Tray | undefined
  #shown = ''

  constructor(actions: TrayActions) {
    this.#actions = actions
  }

  show(): void {
    try {
      const icon = nativeImage.createFromPath(this.#actions.icon).resize({ width: ICON_PX, height: ICON_PX })
      this.#tray ??= new Tray(icon)
      this.#tray.on('click', this.#actions.open)
      this.update()
    } catch {
      // A desktop without a tray: a second start of the program shows the window again.
    }
  }

  hide(): void {
    this.#tray?.destroy()
    this.#tray = undefined
    this.#shown = ''
  }

  update(): void {
    const { settings, running, open, quit } = this.#actions
    const text = running() === 0 ? 'No run is in progress' : inProgress(running())
    // A menu that is set anew closes under the pointer.
    if (!this.#tray || text === this.#shown) return
    this.#shown = text
    this.#tray.setToolTip(`Delta Workbench: ${text}`)
    this.#tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: 'Open Delta Workbench', click: open },
        { label: text, enabled: false },
        { type: 'separator' },
        {
          label: 'Quit when the last run has ended',
          type: 'checkbox',
          checked: settings.now.quitWhenDone,
          click: ({ checked }) => settings.set({ quitWhenDone: checked }),
        },
        { label: 'Quit', click: quit },
      ]),
    )
  }
}
