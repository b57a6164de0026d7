import { readFileSync } from 'node:fs'
import { hostname, uptime } from 'node:os'
import type { RunStatus } from '../../shared/domain/lifecycle'
import type { RunRecord } from '../../shared/domain/run'

/** A run on another machine writes at least once an epoch; one that was silent for so long counts as dead. */
const SILENT_AFTER_MS = 15 * 60 * 1000
/** Boot time and clock ticks are known to within a second or two; a reused process id is off by far more. */
const START_TOLERANCE_MS = 10_000
const CLOCK_TICKS_PER_SECOND = 100

export interface ProcessInfo {
  alive: boolean
  /** Milliseconds since the Unix epoch; undefined where the system does not tell. */
  started?: number
}

export interface Surroundings {
  host: string
  now: number
  processInfo: (pid: number) => ProcessInfo
}

export const here = (): Surroundings => ({ host: hostname(), now: Date.now(), processInfo })

/** The last times at which the run is known to have been alive, from its files. */
export interface Traces {
  /** When `run.json` was last written: its writer ran then, whatever runs under its number now. */
  recordWritten: number
  /** Latest change of any of its files. */
  lastSign: number
}

/**
 * The status to show. `running` on disk is a claim by a process that may have died without a word; it is believed only
 * while that process, and not another one with its number, is there.
 */
export function liveStatus(
  record: RunRecord,
  traces: Traces,
  { host, now, processInfo }: Surroundings,
): { status: RunStatus; reason?: string } {
  if (record.status !== 'running') return { status: record.status, reason: record.reason }
  if (record.host !== host) {
    if (now - traces.lastSign < SILENT_AFTER_MS) return { status: 'running' }
    return {
      status: 'crashed',
      reason: `No sign of life from ${record.host} for over ${SILENT_AFTER_MS / 60_000} minutes`,
    }
  }
  const { alive, started } = processInfo(record.pid)
  const reused = started !== undefined && started > traces.recordWritten + START_TOLERANCE_MS
  if (alive && !reused) return { status: 'running' }
  return { status: 'crashed', reason: `Its process (${record.pid}) ended without a word` }
}

function processInfo(pid: number): ProcessInfo {
  // 0 and negative numbers would ask about whole process groups.
  if (pid <= 0) return { alive: false }
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there and belongs to someone else.
    const alive = error instanceof Error && 'code' in error && error.code === 'EPERM'
    if (!alive) return { alive: false }
  }
  return { alive: true, started: processStart(pid) }
}

/** Linux only: field 22 of /proc/PID/stat, in clock ticks after boot. The name, field 2, may hold spaces and brackets. */
function processStart(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
    return Number.isFinite(ticks) ? Date.now() - uptime() * 1000 + (ticks / CLOCK_TICKS_PER_SECOND) * 1000 : undefined
  } catch {
    return undefined
  }
}
