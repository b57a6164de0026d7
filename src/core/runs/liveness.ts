import { hostname } from 'node:os'
import type { RunStatus } from '../../shared/domain/lifecycle'
import type { RunRecord } from '../../shared/domain/run'
import { isSameProcess, processInfo, type ProcessInfo } from './processes'

/** An engine on another machine touches its `.owner` every ten seconds (older ones write once an epoch); after so long it counts as dead. */
const SILENT_AFTER_MS = 15 * 60 * 1000
/** A run that was once seen to give a sign is watched for this long, by a clock that cannot jump, before it is given up. */
const WATCH_MS = 60_000
/** Boot time and clock ticks are known to within a second or two; a reused process id is off by far more. */
const START_TOLERANCE_MS = 10_000

export interface Surroundings {
  host: string
  now: number
  /** Milliseconds by a clock that nobody sets. */
  monotonic: number
  processInfo: (pid: number) => ProcessInfo
}

export const here = (): Surroundings => ({
  host: hostname(),
  now: Date.now(),
  monotonic: performance.now(),
  processInfo,
})

/** The last times at which the run is known to have been alive, from its files. */
export interface Traces {
  /** When `run.json` was last written: its writer ran then, whatever runs under its number now. */
  recordWritten: number
  /** Latest change of any of its files. */
  lastSign: number
}

/** When, by a clock that nobody sets, each run was last seen to give a new sign. */
export class Sightings {
  readonly #seen = new Map<string, { sign: number; at: number; moved: boolean }>()

  /** Milliseconds since the sign last changed under our eyes; undefined where it never has. */
  silence(dir: string, sign: number, monotonic: number): number | undefined {
    const known = this.#seen.get(dir)
    if (known === undefined || known.sign !== sign)
      this.#seen.set(dir, { sign, at: monotonic, moved: known !== undefined })
    const { at, moved } = this.#seen.get(dir) ?? { at: monotonic, moved: false }
    return moved ? monotonic - at : undefined
  }
}

/**
 * The status to show. `running` on disk is a claim by a process that may have died without a word; it is believed only
 * while that process, and not another one with its number, is there.
 *
 * @param silence what {@link Sightings} say of the run, where somebody has watched it
 */
export function liveStatus(
  record: RunRecord,
  traces: Traces,
  { host, now, processInfo }: Surroundings,
  silence?: number,
): { status: RunStatus; reason?: string } {
  if (record.status !== 'running') return { status: record.status, reason: record.reason }
  if (record.host !== host) {
    // A clock set forward makes every file look old: a sign that was seen to move outweighs it.
    const watched = silence !== undefined && silence < WATCH_MS
    if (watched || now - traces.lastSign < SILENT_AFTER_MS) return { status: 'running' }
    return {
      status: 'crashed',
      reason: `No sign of life from ${record.host} for over ${SILENT_AFTER_MS / 60_000} minutes`,
    }
  }
  const info = processInfo(record.pid)
  const alive =
    record.process_start === undefined || info.token === undefined
      ? info.alive && !(info.started !== undefined && info.started > traces.recordWritten + START_TOLERANCE_MS)
      : isSameProcess(record.pid, record.process_start, info)
  if (alive) return { status: 'running' }
  return { status: 'crashed', reason: `Its process (${record.pid}) ended without a word` }
}
