import fs from 'node:fs'
import path from 'node:path'

/**
 * What starts the command line on another machine that sees this installation. Electron is Node only where its environment says so, which
 * ssh does not carry: the installation's own Node is taken then.
 *
 * @param cli the built command line, in `out/main` of the installation
 */
export function starterOf(cli: string): string[] {
  if (process.versions['electron'] === undefined) return [process.execPath, cli]
  const node = path.resolve(path.dirname(cli), '..', '..', 'node_modules', '.bin', 'node')
  return fs.existsSync(node) ? [node, cli] : ['env', 'ELECTRON_RUN_AS_NODE=1', process.execPath, cli]
}
