import { withMinus } from '../../shared/comparedTables'

/** Figures of equal magnitude line up: four decimals, or scientific where those would show nothing. */
/** With a minus sign, as in print, and not a hyphen. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  return withMinus(size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : value.toFixed(4))
}

export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} m ${pad(whole % 60)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${pad(minutes % 60)} m` : `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`
}

/** Local time, in the one order that also sorts. */
export function formatDate(time: number): string {
  const date = new Date(time)
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join('-')
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** For a narrow column: the year only where it is another one. */
export function formatShortDate(time: number, now = Date.now()): string {
  const date = new Date(time)
  if (date.getFullYear() !== new Date(now).getFullYear()) return formatDate(time).slice(0, 10)
  const day = `${date.getDate()} ${MONTHS[date.getMonth()] ?? ''}`
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}`
}

const pad = (value: number): string => String(value).padStart(2, '0')

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** Powers of 1000, as file managers count. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${power === 0 ? String(value) : value.toPrecision(3)} ${UNITS[power] ?? ''}`
}
