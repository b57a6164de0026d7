/** Height of a row, as in tokens.css. */
export const ROW_PX = 28
/** Browsers forget how to place things beyond some tens of millions of pixels; below that, one pixel is one pixel. */
const MOST_PX = 8_000_000

/**
 * How a table of any length fits a scroll bar. Up to 285,000 rows it is what it is everywhere; beyond, the bar stands for the whole table
 * while the wheel still moves by rows.
 */
export class ScrollMap {
  readonly heightPx: number
  /** Rows that fit into the window's part. */
  readonly visible: number
  readonly #last: number
  readonly #scrollable: number

  constructor(rows: number, viewPx: number) {
    this.visible = Math.max(1, viewPx / ROW_PX)
    this.heightPx = Math.max(Math.min(rows * ROW_PX, MOST_PX), 0)
    this.#last = Math.max(0, rows - this.visible)
    this.#scrollable = Math.max(0, this.heightPx - viewPx)
  }

  get scaled(): boolean {
    return this.#last * ROW_PX > this.#scrollable + 1
  }

  /** The first row on the screen, with its fraction that is beyond the edge. */
  topOf(scrollPx: number): number {
    return this.#scrollable === 0 ? 0 : Math.min(this.#last, (scrollPx / this.#scrollable) * this.#last)
  }

  scrollOf(top: number): number {
    return this.#last === 0 ? 0 : (this.clamp(top) / this.#last) * this.#scrollable
  }

  clamp(top: number): number {
    return Math.max(0, Math.min(this.#last, top))
  }
}
