import { withMinus } from '../shared/comparedTables'

/** `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  // Rounded before it is split, or 59.7 s would read "60 s" and 239.8 s "3 min 60 s".
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${padded(whole % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${padded(minutes % 60)} min`
}

const padded = (value: number): string => String(value).padStart(2, '0')

/** For people: four decimals; four significant digits where those would be zeros, or digits without end. */
export function formatFigure(value: number): string {
  const size = Math.abs(value)
  return withMinus(value === 0 || (size >= 0.001 && size < 1e6) ? value.toFixed(4) : value.toPrecision(4))
}

/** Plain columns, two spaces apart; numbers stand right. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((title, i) =>
    rows.reduce((width, row) => Math.max(width, row[i]?.length ?? 0), title.length),
  )
  const numeric = header.map((_, i) => rows.every((row) => /^[-−+\d.,% ]*$/.test(row[i] ?? '')))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(header), ...rows.map(line)]
}
