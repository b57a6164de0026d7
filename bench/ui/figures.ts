import { median } from '../harness/statistics'

/** One line of the table. */
export interface Figure {
  what: string
  unit: 'ms' | 's' | 'MB' | ''
  median: number
  min: number
  max: number
  n: number
  /** What it must not exceed, in its unit. */
  atMost?: number
  note?: string
}

export function figure(
  what: string,
  unit: Figure['unit'],
  values: readonly number[],
  more: Pick<Figure, 'atMost' | 'note'> = {},
): Figure {
  const n = values.length
  return { what, unit, median: median(values), min: Math.min(...values), max: Math.max(...values), n, ...more }
}

export function table(figures: readonly Figure[]): string {
  const width = Math.max(...figures.map(({ what }) => what.length))
  return figures
    .map(({ what, unit, median: middle, min, max, n, atMost, note }) => {
      const target = atMost === undefined ? '' : `  (≤ ${atMost}: ${middle <= atMost ? 'reached' : 'MISSED'})`
      return `${what.padEnd(width)}  ${short(middle).padStart(8)} ${unit.padEnd(2)}  ${short(min)}–${short(max)}, n ${n}${target}${note ? `  ${note}` : ''}`
    })
    .join('\n')
}

const short = (value: number): string => (value >= 100 ? String(Math.round(value)) : value.toPrecision(3))
