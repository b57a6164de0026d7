import { hostname } from 'node:os'
import { isSameProcess, processInfo } from '../runs/processes'
import type { Owner } from '../store/runTable'

/** A process of this machine, told from a later one with its number. */
export function ownerOf(pid: number): Owner {
  return { pid, host: hostname(), started: processInfo(pid).token ?? 'running' }
}

/** Whether that very process is there; undefined for one of another machine, which cannot be asked. */
export function isThere({ pid, host, started }: Owner): boolean | undefined {
  return host === hostname() ? isSameProcess(pid, started) : undefined
}
