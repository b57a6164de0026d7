import module from 'node:module'
import os from 'node:os'
import path from 'node:path'

/**
 * Node keeps what it has compiled, for this process and its engines: reading the libraries takes longer than running them. In the
 * person's own folder, as the system's temporary one may be open to others.
 */
export function keepCompiled(): void {
  if (process.env['NODE_DISABLE_COMPILE_CACHE'] === '1') return
  process.env['NODE_COMPILE_CACHE'] ??= path.join(cacheFolder(), 'delta-workbench', 'compile')
  module.enableCompileCache(process.env['NODE_COMPILE_CACHE'])
}

function cacheFolder(): string {
  const { LOCALAPPDATA, XDG_CACHE_HOME } = process.env
  if (process.platform === 'win32' && LOCALAPPDATA) return LOCALAPPDATA
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Caches')
  return XDG_CACHE_HOME || path.join(os.homedir(), '.cache')
}
