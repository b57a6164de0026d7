import type { Command } from '../ui/commands'

/** A part of an axis, both ends included. */
export type Span = readonly [from: number, to: number]

const STEP = 0.2
const ZOOM = 1.5
/** The least that can be shown, as a share of the whole: as with the wheel. */
const LEAST = 0.001

/** What a shortcut sheet tells of charts of curves; they answer themselves once they have the focus. */
export const CURVE_KEYS: readonly Command[] = [
  { id: 'curve-in', title: 'Zoom in where the focus is', section: 'Curves', keys: '+' },
  { id: 'curve-out', title: 'Zoom out', section: 'Curves', keys: '-' },
  { id: 'curve-left', title: 'Move to the left', section: 'Curves', keys: 'ArrowLeft' },
  { id: 'curve-right', title: 'Move to the right', section: 'Curves', keys: 'ArrowRight' },
  { id: 'curve-all', title: 'Show all', section: 'Curves', keys: '0' },
]
/** The same for a screen reader that comes to a chart. */
export const CURVE_KEYS_SAID = '+ and − zoom, arrows move, 0 shows all'

/**
 * Where a key leads from what is shown: zoomed about its middle, moved by a fifth of it, never beyond the whole axis.
 *
 * @param log steps are equal in the logarithm; both spans are above zero
 * @returns the whole for what would show all of it; undefined for a key that is none of these
 */
export function keyZoom(key: string, shown: Span, whole: Span, log: boolean): Span | undefined {
  const [low, high] = log ? whole.map(Math.log) : whole
  const [from, to] = log ? shown.map(Math.log) : shown
  if (low === undefined || high === undefined || from === undefined || to === undefined) return undefined
  const width = to - from
  const moved = (start: number, wide: number): Span => {
    if (wide >= high - low) return whole
    const begin = Math.min(Math.max(start, low), high - wide)
    return log ? [Math.exp(begin), Math.exp(begin + wide)] : [begin, begin + wide]
  }
  const about = (wide: number): Span => moved((from + to - wide) / 2, wide)
  switch (key) {
    case '+':
    case '=':
      return about(Math.max(width / ZOOM, LEAST * (high - low)))
    case '-':
      return about(width * ZOOM)
    case 'ArrowLeft':
      return moved(from - STEP * width, width)
    case 'ArrowRight':
      return moved(from + STEP * width, width)
    case '0':
      return whole
    default:
      return undefined
  }
}
