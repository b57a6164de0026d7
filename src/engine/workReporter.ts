import type { Work } from '../shared/api/engineProtocol'

/** Often enough for an eye. */
const REPORT_EVERY_MS = 100

/** Passes on at most ten reports a second, and the last one of each kind of work. */
export function workReporter(send: (work: Work) => void): (work: Work) => void {
  let last = -Infinity
  return (work) => {
    const now = performance.now()
    if (now - last < REPORT_EVERY_MS && work.done !== work.total) return
    last = now
    send(work)
  }
}
