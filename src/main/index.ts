import { app, Menu, session, type BrowserWindow } from 'electron'
import { join } from 'node:path'
import { dataFolder } from '../core/store/location'
import { folderArgument } from './arguments'
import { registerAppScheme, serveAppScheme } from './appScheme'
import { engineSpawner } from './engineSpawner'
import { answerRequests, sendEvent } from './ipc'
import { buildMenu } from './menu'
import { confine, secureSession } from './security'
import { createWindow } from './window'
import { Workspace } from './workspace'

const defaultLogDir = (): string => join(app.isPackaged ? app.getPath('userData') : process.cwd(), 'lightning_logs')

app.setName('Delta Workbench')
const logDir = folderArgument('--log_dir', process.argv, process.cwd()) ?? defaultLogDir()

// Two windows on one settings folder would overwrite each other: the second start hands over what it was asked to open.
if (app.requestSingleInstanceLock({ logDir })) start()
else app.quit()

function start(): void {
  let window: BrowserWindow | undefined
  const contents = () => (window && !window.isDestroyed() ? window.webContents : undefined)
  const installed = join(import.meta.dirname, '..', '..')
  const options = {
    dataDir: dataFolder(folderArgument('--data-dir', process.argv, process.cwd()), process.cwd()),
    spawner: engineSpawner(join(import.meta.dirname, 'engine.js')),
    roots: { cwd: process.cwd(), installed },
  }
  // Made once the app is ready: engines are processes of Electron's, and cannot be started before.
  let workspace: Workspace | undefined

  const show = (): void => {
    if (contents() === undefined) window = createWindow()
    if (window?.isMinimized()) window.restore()
    window?.focus()
  }
  const openLogDir = (dir: string): void => {
    if (workspace?.open(dir)) contents()?.reload()
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

  // Runs end in good order first, each with its checkpoint written; the second time round nothing is left to wait for.
  let closed = false
  app.on('will-quit', (event) => {
    if (closed || !workspace) return
    event.preventDefault()
    void workspace.core.close().finally(() => {
      closed = true
      // Not from within this event, where a quit that is under way would swallow it.
      setImmediate(() => app.quit())
    })
  })

  void app.whenReady().then(() => {
    secureSession(session.defaultSession)
    serveAppScheme(join(import.meta.dirname, '..', 'renderer'))
    const opened = new Workspace(logDir, options, (event) => sendEvent(contents(), event))
    workspace = opened
    answerRequests(contents, (route, input) => opened.core.request(route, input))
    Menu.setApplicationMenu(buildMenu({ openLogDir, window: () => window }))
    show()
  })
}
