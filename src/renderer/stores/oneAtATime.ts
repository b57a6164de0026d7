/** Runs `work`; calls during a run lead to exactly one more run after it. */
export function oneAtATime(work: () => Promise<void>, report: (error: unknown) => void): () => void {
  let running = false
  let again = false
  const start = (): void => {
    if (running) {
      again = true
      return
    }
    running = true
    work()
      .catch(report)
      .finally(() => {
        running = false
        if (!again) return
        again = false
        start()
      })
  }
  return start
}
