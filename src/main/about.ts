import { clipboard, dialog, type BrowserWindow } from 'electron'
import { arch, release, type } from 'node:os'
import { VERSION } from '../shared/version'

export interface Places {
  logDir: string
  dataDir: string
}

/** What a bug report needs. */
export function aboutText({ logDir, dataDir }: Places): string {
  const { electron, chrome, node, v8 } = process.versions
  return [
    `Delta Workbench ${VERSION}`,
    `Electron ${electron}`,
    `Chromium ${chrome}`,
    `Node ${node}`,
    `V8 ${v8}`,
    `${type()} ${release()} ${arch()}`,
    '',
    `Log folder: ${logDir}`,
    `History: ${dataDir}`,
  ].join('\n')
}

export async function showAbout(parent: BrowserWindow | undefined, places: Places): Promise<void> {
  const [message = '', ...lines] = aboutText(places).split('\n')
  const options = { type: 'info' as const, message, detail: lines.join('\n'), buttons: ['OK', 'Copy'], cancelId: 0 }
  const { response } = await (parent ? dialog.showMessageBox(parent, options) : dialog.showMessageBox(options))
  if (response === 1) void clipboard.writeText(aboutText(places))
}
