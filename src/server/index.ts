import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { dataFolder } from '../core/store/location'
import { AppError } from '../shared/errors'
import { serve, type ServeOptions, type Served } from './serve'

export interface HereOptions extends Pick<ServeOptions, 'port' | 'rendererDir' | 'logDir'> {
  dataDir?: string
  /** For relative paths, and where configurations are looked for. */
  cwd: string
  /** Folders that the page may look around in; the working directory where none is named. */
  browse?: readonly string[]
}

/** Serves the workbench of this installation: its engine and page lie beside this file in `out/main`. */
export function serveHere(options: HereOptions): Promise<Served> {
  const { logDir, dataDir, cwd, browse = [], ...rest } = options
  const places = browse.length > 0 ? browse : [cwd]
  return serve({
    logDir: resolve(cwd, logDir),
    dataDir: dataFolder(dataDir, cwd),
    ...rest,
    browse: places.map((dir) => existingFolder(resolve(cwd, dir))),
    spawner: childProcessSpawner(join(import.meta.dirname, 'engine.js')),
    roots: { cwd, installed: resolve(import.meta.dirname, '..', '..') },
  })
}

/** A root that is mistyped would be noticed only when somebody looks for their files. */
function existingFolder(dir: string): string {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return dir
  throw new AppError('usage', `There is no folder ${dir}`, { file: dir, fix: 'Check what --root names.' })
}
