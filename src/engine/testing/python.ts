import { spawnSync } from 'node:child_process'

/**
 * The Python of `$DELTA_PYTHON`, or `python3`, if it has these packages. Some tests read our files back with the tools
 * they are written for; the product itself never needs Python.
 */
export function pythonWith(...packages: string[]): string | undefined {
  const python = process.env['DELTA_PYTHON'] ?? 'python3'
  const found = `import importlib.util as u, sys; sys.exit(any(u.find_spec(p) is None for p in sys.argv[1:]))`
  return spawnSync(python, ['-c', found, ...packages], { stdio: 'ignore' }).status === 0 ? python : undefined
}

/** Runs a script and returns what it prints as JSON. */
export function runPython(python: string, script: string, ...args: string[]): unknown {
  const done = spawnSync(python, ['-c', script, ...args], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`Python failed: ${done.stderr}`)
  return JSON.parse(done.stdout)
}
