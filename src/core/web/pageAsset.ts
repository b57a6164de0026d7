import { readFile, realpath } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { isInside } from '../runs/readInside'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
}

export interface PageAsset {
  body: Buffer<ArrayBuffer>
  type: string
}

/** A file of the built page by the path of its URL, or undefined: nothing outside `root` is ever read. */
export async function pageAsset(root: string, urlPath: string): Promise<PageAsset | undefined> {
  const path = assetPath(root, urlPath)
  const type = path && TYPES[extname(path)]
  if (!path || !type) return undefined
  try {
    if (!isInside(await realpath(root), await realpath(path))) return undefined
    return { body: await readFile(path), type }
  } catch {
    return undefined
  }
}

/** The file that a URL's path means, by its letters alone; undefined where it leaves `root`. */
export function assetPath(root: string, urlPath: string): string | undefined {
  let path: string
  try {
    path = decodeURIComponent(urlPath)
  } catch {
    return undefined
  }
  // No file of the page has such a name; Windows takes `\` for a separator and NUL ends a path in C.
  if (!path.startsWith('/') || /[\0\\:]/.test(path) || path.split('/').includes('..')) return undefined
  const file = join(root, path === '/' ? 'index.html' : path)
  return isInside(root, file) ? file : undefined
}
