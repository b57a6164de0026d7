import type { RowPage } from '../../shared/domain/browse'

/** Rows a request. */
export const PAGE_ROWS = 100
/** Pages that are kept: enough to go back some screens. */
const MOST_PAGES = 60

export type LoadedRow = RowPage['rows'][number]

/**
 * The rows around the window's part of a table of any length. Only what is on the screen is asked for, two pages at a time: while somebody
 * drags through a million rows, pages that have gone by are never asked for.
 */
export class RowWindow<Page extends { rows: readonly unknown[] } = RowPage> {
  readonly #ask: (offset: number, limit: number) => Promise<Page | undefined>
  readonly #onPage: (page: Page) => void
  readonly #pages = new Map<number, Page['rows']>()
  readonly #asked = new Set<number>()
  #from = 0
  #to = 0
  #generation = 0

  constructor(ask: (offset: number, limit: number) => Promise<Page | undefined>, onPage: (page: Page) => void) {
    this.#ask = ask
    this.#onPage = onPage
  }

  /** The row at a place of the selection, where it is loaded. */
  at(index: number): Page['rows'][number] | undefined {
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS]
  }

  /** Forgets everything: another selection. */
  reset(): void {
    this.#generation++
    this.#pages.clear()
    this.#asked.clear()
  }

  /** Forgets a page that was not full when it came: the file was still being read. */
  forgetTail(): void {
    for (const [number, rows] of this.#pages) if (rows.length < PAGE_ROWS) this.#pages.delete(number)
  }

  /** What is on the screen now: the places from `from` up to `to`. */
  look(from: number, to: number): void {
    this.#from = from
    this.#to = to
    this.#next()
  }

  #next(): void {
    const first = Math.floor(this.#from / PAGE_ROWS)
    const last = Math.floor(Math.max(this.#from, this.#to - 1) / PAGE_ROWS)
    for (let number = first; number <= last && this.#asked.size < 2; number++)
      if (!this.#pages.has(number) && !this.#asked.has(number)) void this.#load(number)
  }

  async #load(number: number): Promise<void> {
    const generation = this.#generation
    this.#asked.add(number)
    const page = await this.#ask(number * PAGE_ROWS, PAGE_ROWS)
    if (generation !== this.#generation) return
    this.#asked.delete(number)
    if (!page) return
    this.#pages.delete(number)
    this.#pages.set(number, page.rows)
    const [oldest] = this.#pages.keys()
    if (this.#pages.size > MOST_PAGES && oldest !== undefined) this.#pages.delete(oldest)
    this.#onPage(page)
    this.#next()
  }
}
