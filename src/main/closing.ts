import { dialog, type BrowserWindow, type MessageBoxOptions } from 'electron'
import type { ShellSettingsFile } from './shellSettings'

export interface ClosingActions {
  settings: ShellSettingsFile
  /** Runs that would end with this program. */
  running: () => number
  window: () => BrowserWindow | undefined
  /** The window is gone or hidden, and the runs go on. */
  intoBackground: () => void
  /** Ends everything; is not asked about any more. */
  quit: () => void
}

export type Choice = 'background' | 'quit' | 'cancel'
const CHOICES: readonly Choice[] = ['background', 'quit', 'cancel']

/** Asks before runs end with the window; one question at a time. */
export class Closing {
  readonly #actions: ClosingActions
  #decided = false
  #asking = false

  constructor(actions: ClosingActions) {
    this.#actions = actions
  }

  /** From now on nothing is asked: a quit is under way. */
  decide(): void {
    this.#decided = true
  }

  /** Whether the window, or the program, must not go yet; then a question is on the screen, or has been answered before. */
  holds(): boolean {
    if (this.#decided || this.#actions.running() === 0) return false
    if (!this.#asking) void this.#settle()
    return true
  }

  async #settle(): Promise<void> {
    this.#asking = true
    try {
      const choice = await this.#choice()
      if (choice === 'background') this.#actions.intoBackground()
      if (choice !== 'quit') return
      this.#decided = true
      this.#actions.quit()
    } finally {
      this.#asking = false
    }
  }

  async #choice(): Promise<Choice> {
    const { settings, running, window } = this.#actions
    if (settings.now.onClose !== 'ask') return settings.now.onClose
    const { response, checkboxChecked } = await show(window(), question(running()))
    const choice = CHOICES[response] ?? 'cancel'
    if (checkboxChecked && choice !== 'cancel') settings.set({ onClose: choice })
    return choice
  }
}

function question(running: number): MessageBoxOptions {
  return {
    type: 'question',
    message: `${inProgress(running)}. What shall become of ${running === 1 ? 'it' : 'them'}?`,
    detail:
      'In the background training goes on without a window; start Delta Workbench again to see it. Stopped runs write a checkpoint and can be resumed from there.',
    buttons: ['Keep running in the background', 'Stop runs and quit', 'Cancel'],
    defaultId: 0,
    cancelId: CHOICES.indexOf('cancel'),
    noLink: true,
    checkboxLabel: 'Remember my choice',
  }
}

/** Before another log folder is shown, whose opening ends the runs of this one. */
export async function mayEnd(running: number, window: BrowserWindow | undefined): Promise<boolean> {
  if (running === 0) return true
  const { response } = await show(window, {
    type: 'question',
    message: `${inProgress(running)} in this log folder`,
    detail: 'Opening another folder stops them; each writes a checkpoint and can be resumed from there.',
    buttons: ['Stop runs and open', 'Cancel'],
    defaultId: 1,
    cancelId: 1,
    noLink: true,
  })
  return response === 0
}

export function inProgress(running: number): string {
  return running === 1 ? 'One run is in progress' : `${running} runs are in progress`
}

function show(parent: BrowserWindow | undefined, options: MessageBoxOptions) {
  return parent?.isVisible() ? dialog.showMessageBox(parent, options) : dialog.showMessageBox(options)
}
