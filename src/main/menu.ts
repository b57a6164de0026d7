import { app, dialog, Menu, type BrowserWindow, type MenuItemConstructorOptions } from 'electron'

export interface MenuActions {
  openLogDir: (dir: string) => void
  window: () => BrowserWindow | undefined
}

export function buildMenu({ openLogDir, window }: MenuActions): Menu {
  const chooseLogDir = async (): Promise<void> => {
    const parent = window()
    const options = { title: 'Open log folder', properties: ['openDirectory' as const] }
    const { filePaths } = await (parent ? dialog.showOpenDialog(parent, options) : dialog.showOpenDialog(options))
    if (filePaths[0] !== undefined) openLogDir(filePaths[0])
  }
  const mac = process.platform === 'darwin'
  const template: MenuItemConstructorOptions[] = [
    ...(mac ? [{ role: 'appMenu' as const }] : []),
    {
      label: '&File',
      submenu: [
        { label: 'Open log folder…', accelerator: 'CmdOrCtrl+O', click: () => void chooseLogDir() },
        { type: 'separator' },
        { role: mac ? 'close' : 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        { role: 'reload' },
        ...(app.isPackaged ? [] : [{ role: 'toggleDevTools' as const }]),
        { type: 'separator' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
      ],
    },
    { role: 'windowMenu' },
  ]
  return Menu.buildFromTemplate(template)
}
