import { spawnSync } from 'node:child_process'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** What the figures were measured on. */
export interface Machine {
  cpu: string
  cores: number
  memory_bytes: number
  platform: string
  node: string
  v8: string
  date: string
  /** Versions of the peers' packages; null where one is missing. */
  python: Record<string, string | null> | null
  compiler: string | null
}

const PEER_PACKAGES = ['torch', 'lightning', 'numpy', 'pandas', 'pyarrow']
const VERSIONS = `
import importlib.metadata as m, json, sys
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return None
print(json.dumps({"python": sys.version.split()[0], **{name: version(name) for name in sys.argv[1:]}}))
`

export function describeMachine(python: string, compiler: string | undefined): Machine {
  const cpus = os.cpus()
  const asked = spawnSync(python, ['-c', VERSIONS, ...PEER_PACKAGES], { encoding: 'utf8' })
  const built = compiler === undefined ? undefined : spawnSync(compiler, ['--version'], { encoding: 'utf8' })
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memory_bytes: os.totalmem(),
    platform: `${os.platform()} ${os.arch()} ${os.release()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    date: new Date().toISOString(),
    python: asked.status === 0 ? JSON.parse(asked.stdout) : null,
    compiler: built?.status === 0 ? built.stdout.split('\n')[0]! : null,
  }
}

/** How busy others keep the machine while we do nothing. */
export interface Load {
  /** The load average over a minute. */
  average: number
  /** Share of all cores in use over the look, 0 to 1. */
  busy: number
}

const LOOK_MS = 500

export async function lookAtLoad(): Promise<Load> {
  const before = processorTimes()
  await sleep(LOOK_MS)
  const after = processorTimes()
  const total = after.total - before.total
  return { average: os.loadavg()[0]!, busy: total === 0 ? 0 : 1 - (after.idle - before.idle) / total }
}

function processorTimes(): { idle: number; total: number } {
  const sum = { idle: 0, total: 0 }
  for (const { times } of os.cpus()) {
    sum.idle += times.idle
    sum.total += times.user + times.nice + times.sys + times.idle + times.irq
  }
  return sum
}
