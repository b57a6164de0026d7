import type { Row, Target } from './question'
import type { Spread } from './statistics'

export type Verdict = 'yes' | 'no' | 'missing' | 'failed' | '–'

/** Whether a row reaches its target. What is missing or failed is never reached; without a target there is nothing to reach. */
export function verdict(row: Row): Verdict {
  if (row.failed === true) return 'failed'
  const value = row.target?.of === 'ratio' ? row.ratio?.median : row.ours
  if (row.missing !== undefined || value === undefined || Number.isNaN(value)) return 'missing'
  if (!row.target) return '–'
  const { atLeast = -Infinity, atMost = Infinity } = row.target
  return value >= atLeast && value <= atMost ? 'yes' : 'no'
}

/** Three significant digits without an exponent: 0.0123, 1.50, 1,234,567. */
export function figure(value: number): string {
  const size = Math.abs(value)
  if (size >= 100) return value.toLocaleString('en', { maximumFractionDigits: 0 })
  if (size === 0) return '0'
  const decimals = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(size))))
  return value.toFixed(decimals)
}

/** A figure with its unit; bytes as MB. */
export function quantity(value: number, unit: string): string {
  if (unit === 'bytes') return `${figure(value / 1e6)} MB`
  if (unit === '1/s') return `${figure(value)}/s`
  if (unit === 'exponent') return `x^${figure(value)}`
  return `${figure(value)} ${unit}`
}

export const threadsText = (threads: number): string => (threads === 1 ? '1 thread' : `${threads} threads`)

export function ratioText({ median, min, max, n }: Spread): string {
  return n === 1 ? `${figure(median)}× (n=1)` : `${figure(median)}× [${figure(min)}–${figure(max)}] (n=${n})`
}

export function targetText(target: Target, unit: string): string {
  const say = (value: number): string => (target.of === 'ratio' ? `${figure(value)}×` : quantity(value, unit))
  return [
    ...(target.atLeast === undefined ? [] : [`≥ ${say(target.atLeast)}`]),
    ...(target.atMost === undefined ? [] : [`≤ ${say(target.atMost)}`]),
  ].join(', ')
}

const HEADER = ['question', 'ours', 'peer', 'ratio median [range]', 'target', 'reached']
/** Figures stand right, words left. */
const RIGHT = [false, true, true, true, true, false]

function cells(row: Row): string[] {
  const peer = row.peer === undefined ? '' : quantity(row.peer, row.unit)
  return [
    row.peerName === undefined ? row.what : `${row.what} | ${row.peerName}`,
    row.ours === undefined ? '' : quantity(row.ours, row.unit),
    peer,
    row.ratio ? ratioText(row.ratio) : '',
    row.target ? targetText(row.target, row.unit) : '',
    verdict(row),
  ]
}

/** A row on one line, to be seen before the table is there. */
export const line = (row: Row): string => cells(row).filter(Boolean).join('  ')

/** The whole table for a terminal. Why something is missing, and remarks, stand under it. */
export function table(rows: readonly Row[]): string {
  const lines = [HEADER, ...rows.map(cells)]
  const widths = HEADER.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const text = lines.map((line) =>
    line
      .map((cell, column) => (RIGHT[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
  const remarks = rows.flatMap((row) => {
    const said = [row.missing, row.note].filter((remark) => remark !== undefined)
    return said.length === 0 ? [] : [`  ${cells(row)[0]}: ${said.join('. ')}`]
  })
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [text[0]!, rule, ...text.slice(1), ...(remarks.length === 0 ? [] : ['', ...remarks])].join('\n')
}
