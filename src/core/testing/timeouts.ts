import { afterEach, beforeEach, expect, vi } from 'vitest'

/**
 * For tests: requests that may take `ms` run out of time when the test says so, however busy the machine is.
 *
 * @returns what lets the time of the last request run out
 */
export function timeoutsOf(ms: number): () => void {
  let runOut = (): void => {}
  beforeEach(() => {
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((asked) => {
      expect(asked).toBe(ms)
      const time = new AbortController()
      runOut = () => time.abort(new DOMException('too late', 'TimeoutError'))
      return time.signal
    })
  })
  afterEach(() => void vi.restoreAllMocks())
  return () => runOut()
}
