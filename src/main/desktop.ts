import { app, dialog, Menu, session, shell, type BrowserWindow } from 'electron'
import { join } from 'node:path'
import { openFileRoots } from '../core/files/filesOfCore'
import { dataFolder } from '../core/store/location'
import type { AppEvent } from '../shared/api/events'
import { AppError, formatError } from '../shared/errors'
import { showAbout } from './about'
import { choiceArgument, folderArgument } from './arguments'
import { registerAppScheme, serveAppScheme } from './appScheme'
import { Background } from './background'
import { Closing, mayEnd } from './closing'
import { desktopShell, openGuide } from './desktopShell'
import { engineSpawner } from './engineSpawner'
import { answerDrops, answerRequests, sendEvent } from './ipc'
import { buildMenu } from './menu'
import { confine, secureSession } from './security'
import { ON_CLOSE, ShellSettingsFile } from './shellSettings'
import { createWindow } from './window'
import type { Workspace } from './workspace'

const defaultLogDir = (): string => join(app.isPackaged ? app.getPath('userData') : process.cwd(), 'lightning_logs')

app.setName('Delta Workbench')
const logDir = folderArgument('--log_dir', process.argv, process.cwd()) ?? defaultLogDir()

// Two windows on one settings folder would overwrite each other: the second start hands over what it was asked to open.
if (app.requestSingleInstanceLock({ logDir })) start()
else app.quit()

function start(): void {
  let window: BrowserWindow | undefined
  const shown = () => (window && !window.isDestroyed() ? window : undefined)
  const contents = () => shown()?.webContents
  const installed = join(import.meta.dirname, '..', '..')
  const dataDir = dataFolder(folderArgument('--data-dir', process.argv, process.cwd()), process.cwd())
  const files = openFileRoots(dataDir)
  // Made once the app is ready: engines are processes of Electron's, and cannot be started before.
  let workspace: Workspace | undefined
  const running = (): number => workspace?.core.running ?? 0

  const settings = new ShellSettingsFile(join(app.getPath('userData'), 'shell.json'))
  const asked = choiceArgument('--on-close', ON_CLOSE, process.argv)
  if (asked) settings.override({ onClose: asked })
  const quit = (): void => app.quit()
  const background = new Background({ settings, running, window: shown, open: () => show(), quit })
  const closing = new Closing({ settings, running, window: shown, intoBackground: () => background.enter(), quit })

  const show = (): void => {
    background.leave()
    if (!shown()) {
      window = createWindow()
      window.on('close', (event) => {
        if (closing.holds()) event.preventDefault()
      })
    }
    window?.show()
    if (window?.isMinimized()) window.restore()
    window?.focus()
  }
  const openLogDir = async (dir: string): Promise<void> => {
    if (workspace?.isOther(dir) && (await mayEnd(running(), shown())) && workspace.open(dir)) contents()?.reload()
  }
  const onEvent = (event: AppEvent): void => {
    sendEvent(contents(), event)
    if (event.event === 'run.status' || event.event === 'runs.changed') background.update()
  }

  // Root cannot have Chromium's sandbox; asking for it all the same would leave no process able to start.
  if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox()
  registerAppScheme()
  app.on('web-contents-created', (_event, created) => confine(created))
  app.on('second-instance', (_event, _argv, _directory, data) => {
    const other = data instanceof Object && 'logDir' in data ? data.logDir : undefined
    show()
    if (typeof other === 'string') void openLogDir(other)
  })
  app.on('activate', show)
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })
  app.on('before-quit', (event) => {
    if (closing.holds()) event.preventDefault()
  })
  endOnSignals(() => closing.decide())

  // Runs end in good order first, each with its checkpoint written; the second time round nothing is left to wait for.
  let closed = false
  app.on('will-quit', (event) => {
    if (closed || !workspace) return
    event.preventDefault()
    background.leave()
    void workspace.core.close().finally(() => {
      closed = true
      // Not from within this event, where a quit that is under way would swallow it.
      setImmediate(() => app.quit())
    })
  })

  const openWorkspace = async (): Promise<Workspace> => {
    const { Workspace } = await import('./workspace')
    workspace = new Workspace(
      logDir,
      {
        dataDir,
        spawner: engineSpawner(join(import.meta.dirname, 'engine.js')),
        roots: { cwd: process.cwd(), installed },
        files,
        shell: desktopShell(shown),
      },
      onEvent,
    )
    return workspace
  }
  void app.whenReady().then(() => {
    secureSession(session.defaultSession)
    serveAppScheme(join(import.meta.dirname, '..', 'renderer'))
    // The window's own process starts while this one reads the core; what its page asks meanwhile waits for it.
    show()
    const opening = openWorkspace()
    opening.catch((thrown: unknown) => {
      dialog.showErrorBox('Delta Workbench cannot start', formatError(AppError.from(thrown)))
      app.exit(1)
    })
    answerRequests(contents, async (route, input) => (await opening).core.request(route, input))
    answerDrops(contents, (path) => files.allow(path, 'picked'))
    Menu.setApplicationMenu(
      buildMenu({
        openLogDir: (dir) => void openLogDir(dir),
        showLogDir: () => void shell.openPath(workspace?.core.logDir ?? logDir),
        navigate: (to) => sendEvent(contents(), { event: 'app.navigate', payload: { to } }),
        about: () => void showAbout(shown(), { logDir: workspace?.core.logDir ?? logDir, dataDir }),
        guide: () => openGuide(installed),
        settings,
        window: shown,
      }),
    )
  })
}

/** Who sends a signal (Ctrl-C in a terminal, the end of a session) cannot answer a question. */
function endOnSignals(decide: () => void): void {
  void app.whenReady().then(() => {
    // Once Electron has set its own handlers, which these replace.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        decide()
        app.quit()
      })
  })
}
