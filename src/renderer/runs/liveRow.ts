import type { MetricBatch } from '../../shared/domain/metric'
import type { RunRow } from '../../shared/domain/runTable'

/** A row with figures that came in since it was asked for. `cells` names the row's cells. */
export function withFigures(row: RunRow, cells: readonly string[], batches: readonly MetricBatch[]): RunRow {
  const next = [...row.cells]
  let { epochs } = row
  for (const { epoch, values } of batches) {
    if (Object.keys(values).some((name) => name.startsWith('train_'))) epochs = Math.max(epochs, epoch + 1)
    cells.forEach((name, at) => {
      const dot = name.lastIndexOf('.')
      const kind = name.slice(dot + 1)
      const extreme = dot > 0 && (kind === 'min' || kind === 'max')
      const value = values[extreme ? name.slice(0, dot) : name]
      if (value === undefined || Number.isNaN(value)) return
      const before = next[at]
      if (!extreme || typeof before !== 'number') next[at] = value
      else next[at] = kind === 'min' ? Math.min(before, value) : Math.max(before, value)
    })
  }
  return { ...row, epochs, cells: next }
}
