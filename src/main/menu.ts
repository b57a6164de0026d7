import { app, dialog, Menu, type BrowserWindow, type MenuItemConstructorOptions } from 'electron'
import type { EventPayload } from '../shared/api/events'
import { ON_CLOSE, type OnClose, type ShellSettingsFile } from './shellSettings'

type Page = EventPayload<'app.navigate'>['to']

export interface MenuActions {
  openLogDir: (dir: string) => void
  showLogDir: () => void
  navigate: (to: Page) => void
  about: () => void
  guide: () => void
  settings: ShellSettingsFile
  window: () => BrowserWindow | undefined
}

const PAGES: readonly { to: Page; label: string; accelerator: string }[] = [
  { to: '/datasets', label: '&Data sets', accelerator: 'CmdOrCtrl+1' },
  { to: '/new', label: '&New experiment', accelerator: 'CmdOrCtrl+N' },
  { to: '/runs', label: '&Runs', accelerator: 'CmdOrCtrl+2' },
  { to: '/sweeps', label: 'S&weeps', accelerator: 'CmdOrCtrl+5' },
  { to: '/compare', label: '&Compare', accelerator: 'CmdOrCtrl+3' },
  { to: '/users', label: '&Users', accelerator: 'CmdOrCtrl+4' },
  { to: '/settings', label: '&Settings', accelerator: 'CmdOrCtrl+,' },
]

const CLOSING: Record<OnClose, string> = {
  ask: 'Ask',
  background: 'Keep them running in the background',
  quit: 'Stop them and quit',
}

const mac = process.platform === 'darwin'

export function buildMenu(actions: MenuActions): Menu {
  const help: MenuItemConstructorOptions[] = [
    { label: '&Guide', accelerator: 'F1', click: actions.guide },
    { label: '&About Delta Workbench', click: actions.about },
  ]
  return Menu.buildFromTemplate([
    ...(mac ? [{ role: 'appMenu' as const }] : []),
    { label: '&File', submenu: fileMenu(actions) },
    { role: 'editMenu' },
    {
      label: '&Go',
      submenu: PAGES.map(({ to, ...item }) => ({ id: to, ...item, click: () => actions.navigate(to) })),
    },
    { label: '&View', submenu: viewMenu() },
    { role: 'windowMenu' },
    { role: 'help', label: '&Help', submenu: help },
  ])
}

function fileMenu({ openLogDir, showLogDir, settings, window }: MenuActions): MenuItemConstructorOptions[] {
  const chooseLogDir = async (): Promise<void> => {
    const parent = window()
    const options = { title: 'Open log folder', properties: ['openDirectory' as const] }
    const { filePaths } = await (parent ? dialog.showOpenDialog(parent, options) : dialog.showOpenDialog(options))
    if (filePaths[0] !== undefined) openLogDir(filePaths[0])
  }
  return [
    { label: '&Open log folder…', accelerator: 'CmdOrCtrl+O', click: () => void chooseLogDir() },
    { label: '&Show log folder', accelerator: 'CmdOrCtrl+Shift+O', click: showLogDir },
    { type: 'separator' },
    {
      label: 'When &closing with runs in progress',
      submenu: [
        ...ON_CLOSE.map((onClose) => ({
          id: `close-${onClose}`,
          label: CLOSING[onClose],
          type: 'radio' as const,
          checked: settings.now.onClose === onClose,
          click: () => settings.set({ onClose }),
        })),
        { type: 'separator' },
        {
          label: 'Quit when the last run in the background has ended',
          type: 'checkbox',
          checked: settings.now.quitWhenDone,
          click: ({ checked }) => settings.set({ quitWhenDone: checked }),
        },
      ],
    },
    { type: 'separator' },
    { role: mac ? 'close' : 'quit' },
  ]
}

function viewMenu(): MenuItemConstructorOptions[] {
  return [
    { role: 'reload' },
    ...(app.isPackaged ? [] : [{ role: 'toggleDevTools' as const }]),
    { type: 'separator' },
    { role: 'resetZoom' },
    { role: 'zoomIn' },
    { role: 'zoomOut' },
    { type: 'separator' },
    { role: 'togglefullscreen' },
  ]
}
