import { join, resolve } from 'node:path'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { dataFolder } from '../core/store/location'
import { serve, type Served } from './serve'

/** Serves the workbench of this installation: its engine and page lie beside this file in `out/main`. */
export function serveHere(options: { logDir: string; dataDir?: string; port?: number; cwd: string }): Promise<Served> {
  const { logDir, dataDir, port, cwd } = options
  return serve({
    logDir: resolve(cwd, logDir),
    dataDir: dataFolder(dataDir, cwd),
    ...(port !== undefined && { port }),
    spawner: childProcessSpawner(join(import.meta.dirname, 'engine.js')),
    roots: { cwd, installed: resolve(import.meta.dirname, '..', '..') },
  })
}
