import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

export interface ProcessInfo {
  alive: boolean
  /**
   * Tells the process from a later one with its number: the machine's boot and the clock ticks between that and the process's
   * start. No change of the clock touches it. Undefined where the system does not tell.
   */
  token?: string
  /** Milliseconds since the Unix epoch, by today's clock; undefined where the system does not tell. */
  started?: number
}

const CLOCK_TICKS_PER_SECOND = 100

export function processInfo(pid: number): ProcessInfo {
  // 0 and negative numbers would ask about whole process groups.
  if (pid <= 0) return { alive: false }
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there and belongs to someone else.
    const alive = error instanceof Error && 'code' in error && error.code === 'EPERM'
    if (!alive) return { alive: false }
  }
  const stat = statOf(pid)
  if (stat === undefined) return { alive: true }
  // A zombie has died; only its parent has not asked for its exit code yet.
  if (stat.state === 'Z' || stat.state === 'X') return { alive: false }
  const started = Date.now() - uptime() * 1000 + (stat.ticks / CLOCK_TICKS_PER_SECOND) * 1000
  const boot = bootId()
  return { alive: true, started, ...(boot !== undefined && { token: `${boot}/${stat.ticks}` }) }
}

/** Whether the process of that number is still the one with this token ('' or 'running': its number alone is known). */
export function isSameProcess(pid: number, token: string, info: ProcessInfo = processInfo(pid)): boolean {
  if (!info.alive) return false
  return info.token === undefined || !token.includes('/') || info.token === token
}

/** Linux only: fields 3 and 22 of /proc/PID/stat. The name, field 2, may hold spaces and brackets. */
function statOf(pid: number): { state: string; ticks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[19])
    return Number.isFinite(ticks) ? { state: fields[0] ?? '', ticks } : undefined
  } catch {
    return undefined
  }
}

function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return undefined
  }
}
