import { join, resolve } from 'node:path'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { dataFolder } from '../core/store/location'
import { serve, type ServeOptions, type Served } from './serve'

export interface HereOptions extends Pick<ServeOptions, 'port' | 'rendererDir' | 'logDir'> {
  dataDir?: string
  /** For relative paths, and where configurations are looked for. */
  cwd: string
}

/** Serves the workbench of this installation: its engine and page lie beside this file in `out/main`. */
export function serveHere(options: HereOptions): Promise<Served> {
  const { logDir, dataDir, cwd, ...rest } = options
  return serve({
    logDir: resolve(cwd, logDir),
    dataDir: dataFolder(dataDir, cwd),
    ...rest,
    spawner: childProcessSpawner(join(import.meta.dirname, 'engine.js')),
    roots: { cwd, installed: resolve(import.meta.dirname, '..', '..') },
  })
}
