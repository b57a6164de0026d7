import type { FieldValue } from '../../shared/config/formFields'

/** A value as a person writes it: 1e-6, not 0.000001. */
export function shown(value: FieldValue | undefined): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return numberShown(value)
  if (typeof value === 'object') return value.map((one) => shown(one)).join(', ')
  return String(value)
}

function numberShown(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e6) && Number.isFinite(value))
    return value.toExponential().replace('+', '')
  return String(value)
}

/** What was typed into a field for numbers: a number where it is one, else the text, so that its error can be shown. */
export function numberTyped(text: string): number | string {
  const plain = text
    .trim()
    .replace('−', '-')
    .replace(/^(\d+),(\d+)$/, '$1.$2')
  const number = Number(plain)
  return plain !== '' && Number.isFinite(number) && /^[-+.\deE]+$/.test(plain) ? number : text.trim()
}

/** The next number of 1, 2, 5, 10, …, or the next whole number: what an arrow key goes to. */
export function stepped(value: number, up: boolean, { log, int }: { log: boolean; int: boolean }): number {
  if (!log) return int ? value + (up ? 1 : -1) : round(value + (up ? 0.05 : -0.05))
  if (value <= 0) return up ? (int ? value + 1 : 1e-6) : value
  const exponent = Math.floor(Math.log10(value) + 1e-9)
  const series = [-1, 0, 1].flatMap((shift) => [1, 2, 5].map((digit) => Number(`${digit}e${exponent + shift}`)))
  const near = 1 + 1e-9
  const next = up ? series.find((one) => one > value * near) : series.findLast((one) => one < value / near)
  const chosen = next ?? value
  return int ? Math.max(up ? value + 1 : 0, Math.round(chosen)) : chosen
}

const round = (value: number): number => Number(value.toFixed(4))

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(count) / 3))
  const value = count / 1000 ** power
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`
}

/** Two figures are all that an estimate knows. */
export function duration(seconds: number): string {
  if (seconds < 0.95) return `${twoFigures(seconds * 1000)} ms`
  if (seconds < 90) return `${twoFigures(seconds)} s`
  if (seconds < 90 * 60) return `${twoFigures(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${twoFigures(seconds / 3600)} h`
  return `${twoFigures(seconds / 86_400)} days`
}

export function twoFigures(value: number): string {
  if (value === 0) return '0'
  return Number(value.toPrecision(2)).toLocaleString('en')
}

export const count = (value: number): string => value.toLocaleString('en')
