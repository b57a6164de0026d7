import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import type { PickQuestion } from '../../shared/domain/files'
import { AppError, messageOf } from '../../shared/errors'
import type { ConfigRoots } from '../config/resolveExperiment'
import type { DesktopShell } from './desktopShell'
import { FileRoots } from './fileRoots'

export interface FilesOptions {
  /** What the page may name; made where it is not given. */
  files?: FileRoots
  /** Absent where the page is served. */
  shell?: DesktopShell
  /** Folders that a person has opened to the page: what `delta serve --root` names. */
  browse?: readonly string[]
}

/** File in the data folder that remembers what was chosen. */
const MEMORY = 'file-roots.json'

export function openFileRoots(dataDir: string | undefined): FileRoots {
  return new FileRoots(dataDir === undefined ? {} : { memory: join(dataDir, MEMORY) })
}

/** The roots of a core: what is chosen, and what every workbench may read. */
export function rootsOfCore(
  { files, browse = [] }: FilesOptions,
  { cwd, installed }: ConfigRoots,
  logDir: string,
  dataDir: string | undefined,
): { files: FileRoots; places: string[] } {
  const roots = files ?? openFileRoots(dataDir)
  const configs = join(cwd, 'configs')
  roots.offer(join(installed, 'resources'), 'picked')
  roots.offer(join(installed, 'configs'), 'picked')
  roots.offer(configs, 'picked')
  for (const dir of browse) roots.offer(dir, 'picked')
  // Last: within a folder above, their files are still written for the page and vouch for nothing.
  roots.offer(logDir, 'read')
  if (dataDir !== undefined) roots.offer(dataDir, 'read')
  return { files: roots, places: browse.length > 0 ? [...browse] : [configs, logDir] }
}

/** Asks by the system's own dialog; what is chosen may be named from then on. */
export async function pick(
  files: FileRoots,
  shell: DesktopShell | undefined,
  question: PickQuestion,
): Promise<{ paths: string[] }> {
  const paths = await desktop(shell).pick(question)
  for (const path of paths) files.allow(path, question.kind === 'save' ? 'save' : 'picked')
  return { paths }
}

/**
 * Whole or not at all.
 *
 * @throws AppError `forbidden_path`, `unwritable`
 */
export function writeChosen(files: FileRoots, path: string, data: string, encoding: 'utf8' | 'base64'): void {
  const real = files.checkChosenTarget(path)
  // In nobody's way, so that it is ours to remove.
  const draft = `${real}.${randomUUID()}.tmp`
  try {
    fs.writeFileSync(draft, Buffer.from(data, encoding), { flag: 'wx' })
    fs.renameSync(draft, real)
  } catch (cause) {
    fs.rmSync(draft, { force: true })
    throw new AppError('unwritable', `${real} cannot be written: ${messageOf(cause)}`, {
      file: real,
      fix: 'Choose another folder, or free some space.',
    })
  }
}

export function reveal(files: FileRoots, shell: DesktopShell | undefined, path: string): void {
  const real = files.check(path)
  desktop(shell).reveal(real)
}

function desktop(shell: DesktopShell | undefined): DesktopShell {
  if (shell) return shell
  throw new AppError('usage', 'A served page has no dialogs of the machine that serves it', {
    fix: 'Choose from its folders instead.',
  })
}
