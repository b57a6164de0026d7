import fs from 'node:fs'
import path from 'node:path'
import { Zip, ZipDeflate, ZipPassThrough } from 'fflate'
import { AppError, messageOf } from '../../shared/errors'
import { makeFolders } from '../folders'

/** A run and where its files lie; `name` is the folder that it gets in the export. */
export interface Exported {
  name: string
  dir: string
}

const CHUNK_BYTES = 2 ** 20
/** Compressed already, or noise: deflating them costs time and saves nothing. */
const INCOMPRESSIBLE = /\.(safetensors|parquet|zip|gz|npz)$/

/**
 * Writes runs with all their files into a zip file or a folder, each under its own name. The whole appears at once: it is
 * written beside and renamed.
 *
 * @param target a path that ends in `.zip`, or a folder that does not exist yet
 * @throws AppError `usage` when the target exists, `unreadable`, `unwritable`
 */
export function exportRuns(runs: readonly Exported[], target: string): { files: number; bytes: number } {
  if (fs.existsSync(target))
    throw new AppError('usage', `${target} exists already`, { file: target, fix: 'Choose another name, or remove it.' })
  makeFolders(path.dirname(target))
  const draft = `${target}.${process.pid}.tmp`
  try {
    const files = runs.flatMap(({ name, dir }) =>
      filesUnder(dir).map((file) => ({ file: path.join(dir, file), as: path.join(name, file) })),
    )
    if (target.endsWith('.zip')) zip(files, draft)
    else copy(files, draft)
    fs.renameSync(draft, target)
    return { files: files.length, bytes: files.reduce((sum, { file }) => sum + fs.statSync(file).size, 0) }
  } catch (cause) {
    fs.rmSync(draft, { recursive: true, force: true })
    throw cause instanceof AppError
      ? cause
      : new AppError('unwritable', `${target} cannot be written: ${messageOf(cause)}`, { file: target }, cause)
  }
}

/** Regular files, relative; links are left out, since they may lead anywhere. */
function filesUnder(dir: string, below = ''): string[] {
  return fs.readdirSync(path.join(dir, below), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(below, entry.name)
    if (entry.isDirectory()) return filesUnder(dir, name)
    return entry.isFile() && entry.name !== '.owner' ? [name] : []
  })
}

function copy(files: readonly { file: string; as: string }[], draft: string): void {
  for (const { file, as } of files) {
    const to = path.join(draft, as)
    makeFolders(path.dirname(to))
    fs.copyFileSync(file, to, fs.constants.COPYFILE_EXCL)
  }
}

/** Streamed chunk by chunk, so that a large checkpoint never stands in memory whole. */
function zip(files: readonly { file: string; as: string }[], draft: string): void {
  const handle = fs.openSync(draft, 'wx')
  try {
    let failed: Error | undefined
    const archive = new Zip((error, chunk) => {
      if (error) failed ??= error
      else fs.writeSync(handle, chunk)
    })
    for (const { file, as } of files) {
      const name = as.split(path.sep).join('/')
      const entry = INCOMPRESSIBLE.test(name) ? new ZipPassThrough(name) : new ZipDeflate(name, { level: 6 })
      entry.mtime = fs.statSync(file).mtime
      archive.add(entry)
      feed(file, (chunk, last) => entry.push(chunk, last))
    }
    archive.end()
    if (failed) throw failed
    fs.fsyncSync(handle)
  } finally {
    fs.closeSync(handle)
  }
}

function feed(file: string, push: (chunk: Uint8Array, last: boolean) => void): void {
  const handle = fs.openSync(file, 'r')
  try {
    for (;;) {
      const chunk = new Uint8Array(CHUNK_BYTES)
      const read = fs.readSync(handle, chunk)
      push(chunk.subarray(0, read), read === 0)
      if (read === 0) return
    }
  } finally {
    fs.closeSync(handle)
  }
}
