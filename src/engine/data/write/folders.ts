import fs from 'node:fs'
import path from 'node:path'
import { isCode, unwritable } from '../../run/files'

/**
 * Makes a folder and those above it. Not by mkdir's own `recursive`, which never returns where a file system answers
 * "no such entry" for a new name in a folder that exists (/proc, some mounts).
 *
 * @throws AppError `unwritable`
 */
export function makeFolders(dir: string): void {
  const missing: string[] = []
  for (let at = path.resolve(dir); !fs.existsSync(at) && path.dirname(at) !== at; at = path.dirname(at))
    missing.push(at)
  try {
    for (const folder of missing.reverse()) makeFolder(folder)
    if (!fs.statSync(dir).isDirectory()) throw new Error('it is a file')
  } catch (cause) {
    throw unwritable(dir, cause)
  }
}

function makeFolder(dir: string): void {
  try {
    fs.mkdirSync(dir)
  } catch (error) {
    // Another process was quicker.
    if (!isCode(error, 'EEXIST')) throw error
  }
}
