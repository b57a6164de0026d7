import type { FolderListing } from '../../shared/domain/files'

export type Entry = FolderListing['entries'][number]

/** What is shown of a folder: folders always, files when they have one of the extensions, both when they contain the letters. */
export function shownEntries(
  entries: readonly Entry[],
  extensions: readonly string[],
  kind: 'file' | 'files' | 'folder' | 'save',
  letters: string,
): Entry[] {
  const wanted = letters.trim().toLowerCase()
  return entries.filter(({ name, kind: is }) => {
    if (!name.toLowerCase().includes(wanted)) return false
    if (is === 'folder') return true
    if (kind === 'folder') return false
    return extensions.length === 0 || extensions.includes(extensionOf(name))
  })
}

export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot <= 0 ? '' : name.slice(dot + 1).toLowerCase()
}

/** The separator of the machine that holds the files, as its paths show it. */
export function joined(dir: string, name: string): string {
  const separator = /^[a-z]:|^\\\\/i.test(dir) ? '\\' : '/'
  return dir.endsWith(separator) ? dir + name : dir + separator + name
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** `1.2 MB`, in powers of ten as file managers show it. */
export function size(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${UNITS[unit] ?? ''}`
}
