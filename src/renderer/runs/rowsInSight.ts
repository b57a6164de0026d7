/** As `--row`. Lines of one height let the table draw only those in sight, however many there are. */
export const ROW_PX = 28
const SPARE_ROWS = 8

/**
 * The lines to draw, [first, last), of a list that is scrolled to a place. A list that has become short while it stood far down
 * shows its end: a space above as high as the old place would let the browser come back by a page a frame only.
 *
 * @param heightPx of what is in sight
 */
export function rowsInSight(scrollTopPx: number, heightPx: number, count: number): { first: number; last: number } {
  const visible = Math.ceil(heightPx / ROW_PX)
  const top = Math.max(0, Math.min(Math.floor(scrollTopPx / ROW_PX), count - visible))
  return { first: Math.max(0, top - SPARE_ROWS), last: Math.min(count, top + visible + 1 + SPARE_ROWS) }
}

/** No more lines than this are drawn at once. */
export function mostRows(heightPx: number): number {
  return Math.ceil(heightPx / ROW_PX) + 1 + 2 * SPARE_ROWS
}
