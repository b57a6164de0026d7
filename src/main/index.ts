import { app, Menu, session, type BrowserWindow } from 'electron'
import { join } from 'node:path'
import { logDirArgument } from './arguments'
import { registerAppScheme, serveAppScheme } from './appScheme'
import { answerRequests, sendEvent } from './ipc'
import { buildMenu } from './menu'
import { confine, secureSession } from './security'
import { createWindow } from './window'
import { Workspace } from './workspace'

const defaultLogDir = (): string => join(app.isPackaged ? app.getPath('userData') : process.cwd(), 'lightning_logs')

app.setName('Delta Workbench')
const logDir = logDirArgument(process.argv, process.cwd()) ?? defaultLogDir()

// Two windows on one settings folder would overwrite each other: the second start hands over what it was asked to open.
if (app.requestSingleInstanceLock({ logDir })) start()
else app.quit()

function start(): void {
  let window: BrowserWindow | undefined
  const contents = () => (window && !window.isDestroyed() ? window.webContents : undefined)
  const workspace = new Workspace(logDir, (event) => sendEvent(contents(), event))

  const show = (): void => {
    if (contents() === undefined) window = createWindow()
    if (window?.isMinimized()) window.restore()
    window?.focus()
  }
  const openLogDir = (dir: string): void => {
    if (workspace.open(dir)) contents()?.reload()
  }

  // Root cannot have Chromium's sandbox; asking for it all the same would leave no process able to start.
  if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox()
  registerAppScheme()
  app.on('web-contents-created', (_event, created) => confine(created))
  app.on('second-instance', (_event, _argv, _directory, data) => {
    const asked = data instanceof Object && 'logDir' in data ? data.logDir : undefined
    show()
    if (typeof asked === 'string') openLogDir(asked)
  })
  app.on('activate', show)
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })

  void app.whenReady().then(() => {
    secureSession(session.defaultSession)
    serveAppScheme(join(import.meta.dirname, '..', 'renderer'))
    answerRequests(contents, (route, input) => workspace.core.request(route, input))
    Menu.setApplicationMenu(buildMenu({ openLogDir, window: () => window }))
    show()
  })
}
