import type { StopSignals } from './jsonService'

/** After a stop, requests on their way may still bring what will be paid for. */
const STOP_GRACE_MS = 10_000

/** `soon` when the user stops or a batch failed for good; `now` a grace period later. */
export function stopSignals(stop: AbortSignal, failed: AbortSignal): StopSignals & { dispose: () => void } {
  const soon = AbortSignal.any([stop, failed])
  const now = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const grace = (): void => {
    timer = setTimeout(() => now.abort(), STOP_GRACE_MS)
  }
  if (soon.aborted) grace()
  else soon.addEventListener('abort', grace, { once: true })
  return {
    soon,
    now: now.signal,
    dispose() {
      soon.removeEventListener('abort', grace)
      clearTimeout(timer)
    },
  }
}
