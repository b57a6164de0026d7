import type { RunRow } from '../../shared/domain/runTable'
import type { Column } from './columns'

/** The condition that a run is like this one in a column, in the history's filter language; undefined where none says so. */
export function conditionOf(row: RunRow, column: Column, now: number, other = false): string | undefined {
  if (column.key === 'created' || column.key === 'time') return undefined
  const name = quotedName(column.filterName)
  if (column.key === 'tags') {
    const [tag] = row.tags
    return tag === undefined ? undefined : `${name} ${other ? '!=' : '='} ${quotedText(tag)}`
  }
  const value = column.value(row, now)
  if (value === undefined) return `${name} is ${other ? 'not ' : ''}missing`
  return `${name} ${other ? '!=' : '='} ${typeof value === 'number' ? String(value) : quotedText(value)}`
}

function quotedName(name: string): string {
  return /^[A-Za-z_][\w.]*$/.test(name) ? name : `\`${name}\``
}

function quotedText(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`
}
