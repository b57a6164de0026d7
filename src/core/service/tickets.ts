/** Work that somebody waits for, one piece at a time for each ticket: a later one ends the one before. */
export class Tickets {
  readonly #stops = new Map<string, AbortController>()

  /** Aborts `work` when its ticket is used again, or ended; whatever it throws then is thrown. */
  async run<T>(ticket: string, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    this.end(ticket)
    const stop = new AbortController()
    this.#stops.set(ticket, stop)
    try {
      return await work(stop.signal)
    } finally {
      if (this.#stops.get(ticket) === stop) this.#stops.delete(ticket)
    }
  }

  end(ticket: string): void {
    this.#stops.get(ticket)?.abort()
    this.#stops.delete(ticket)
  }
}
