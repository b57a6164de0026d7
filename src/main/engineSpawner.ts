import { app } from 'electron'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import type { EngineSpawner } from '../core/engine/spawner'
import { utilityProcessSpawner } from './utilityProcessSpawner'

/**
 * Engines as Electron's program run as plain Node: they outlive a main process that is killed by the second that it takes to
 * save. `--engine-process=utility` takes utility processes, for builds of Electron that cannot run as Node.
 */
export function engineSpawner(enginePath: string): EngineSpawner {
  if (app.commandLine.getSwitchValue('engine-process') === 'utility') return utilityProcessSpawner(enginePath)
  return childProcessSpawner(enginePath, { env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' }, execArgv: [] })
}
