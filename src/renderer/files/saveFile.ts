import { client } from '../api/client'
import { useWorkspace } from '../stores/workspace'

export interface NewFile {
  /** Of the dialog. */
  title: string
  /** Proposed, without its extension. */
  name: string
  extension: 'html' | 'png' | 'svg' | 'csv'
}

const TYPES: Record<NewFile['extension'], string> = {
  html: 'text/html',
  png: 'image/png',
  svg: 'image/svg+xml',
  csv: 'text/csv',
}
/** The browser has taken it by then. */
const TAKEN_MS = 60_000

/**
 * Saves what the page has made: where the person says in a dialog of the system, or as a download of the browser.
 *
 * @returns a function of the file and its content, text or a data URL in base64; it rejects with an AppError
 */
export function useSaveFile(): (file: NewFile, content: string) => Promise<void> {
  const workspace = useWorkspace()
  return async ({ title, name, extension }, content) => {
    const { dialogs } = workspace.info ?? (await client.request('app.info', {}))
    const defaultName = `${name.replaceAll(/[^\w.,() +-]+/g, '-').slice(0, 100) || 'delta'}.${extension}`
    const [head, base64] = content.startsWith('data:') ? content.split(';base64,') : []
    if (!dialogs) return download(defaultName, extension, head !== undefined ? base64 : undefined, content)
    const { paths } = await client.request('files.pick', { kind: 'save', title, extensions: [extension], defaultName })
    const [path] = paths
    if (path === undefined) return
    await client.request('files.write', {
      path,
      ...(base64 === undefined ? { data: content, encoding: 'utf8' } : { data: base64, encoding: 'base64' }),
    })
    workspace.tell(`Saved as ${path}.`)
  }
}

function download(name: string, extension: NewFile['extension'], base64: string | undefined, text: string): void {
  const bytes = base64 === undefined ? text : Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  const url = URL.createObjectURL(new Blob([bytes], { type: TYPES[extension] }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), TAKEN_MS)
}
