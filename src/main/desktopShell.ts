import {
  dialog,
  shell,
  type BrowserWindow,
  type FileFilter,
  type MessageBoxOptions,
  type OpenDialogOptions,
} from 'electron'
import { join } from 'node:path'
import type { DesktopShell } from '../core/files/desktopShell'
import type { PickQuestion } from '../shared/domain/files'
import { AppError } from '../shared/errors'

const PROPERTIES: Record<Exclude<PickQuestion['kind'], 'save'>, NonNullable<OpenDialogOptions['properties']>> = {
  file: ['openFile'],
  files: ['openFile', 'multiSelections'],
  folder: ['openDirectory', 'createDirectory'],
}

/** The system's own dialogs, over the window. */
export function desktopShell(window: () => BrowserWindow | undefined): DesktopShell {
  let isOpen = false
  // A page that asks on and on must not bury the person under dialogs.
  const alone = async <T>(show: () => Promise<T>): Promise<T> => {
    if (isOpen) throw new AppError('usage', 'A dialog is open already', { fix: 'Answer that one first.' })
    isOpen = true
    try {
      return await show()
    } finally {
      isOpen = false
    }
  }
  return {
    pick: (question) => alone(() => ask(window(), question)),
    confirm: ({ title, message, detail, yes }) =>
      alone(async () => {
        const options: MessageBoxOptions = {
          ...{ type: 'question', title, message, detail, noLink: true },
          ...{ buttons: [yes, 'Cancel'], defaultId: 1, cancelId: 1 },
        }
        const parent = window()
        const { response } = await (parent ? dialog.showMessageBox(parent, options) : dialog.showMessageBox(options))
        return response === 0
      }),
    reveal: (path) => shell.showItemInFolder(path),
  }
}

async function ask(parent: BrowserWindow | undefined, question: PickQuestion): Promise<string[]> {
  const { kind, title, extensions = [], defaultName } = question
  const filters = filtersOf(extensions)
  if (kind === 'save') {
    const options = { title, filters, ...(defaultName !== undefined && { defaultPath: defaultName }) }
    const { filePath } = await (parent ? dialog.showSaveDialog(parent, options) : dialog.showSaveDialog(options))
    return filePath ? [filePath] : []
  }
  const options = { title, properties: PROPERTIES[kind], ...(kind !== 'folder' && { filters }) }
  const { filePaths } = await (parent ? dialog.showOpenDialog(parent, options) : dialog.showOpenDialog(options))
  return filePaths
}

function filtersOf(extensions: readonly string[]): FileFilter[] {
  if (extensions.length === 0) return []
  return [
    { name: extensions.map((extension) => `*.${extension}`).join(', '), extensions: [...extensions] },
    { name: 'All files', extensions: ['*'] },
  ]
}

/** Opens the user guide with whatever the system opens texts with. */
export function openGuide(installed: string): void {
  void shell.openPath(join(installed, 'docs', 'guide', 'README.md')).then((failed) => {
    if (failed) shell.showItemInFolder(join(installed, 'README.md'))
  })
}
