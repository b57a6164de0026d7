import { metricBatchSchema, type MetricBatch } from '../../shared/domain/metric'

export interface MetricsFile {
  history: MetricBatch[]
  problems: string[]
}

/**
 * Parses `metrics.jsonl`. The last line may be half-written, as the run may be writing it now, and is then left out;
 * any other broken line is a problem to tell.
 */
export function parseMetrics(text: string): MetricsFile {
  const history: MetricBatch[] = []
  const broken: number[] = []
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const batch = parseLine(line)
    if (batch) history.push(batch)
    else if (index < lines.length - 1) broken.push(index + 1)
  }
  const first = broken[0]
  if (first === undefined) return { history, problems: [] }
  const more = broken.length > 1 ? ` and ${broken.length - 1} more` : ''
  return { history, problems: [`metrics.jsonl: line ${first}${more} cannot be read and is left out`] }
}

function parseLine(line: string): MetricBatch | undefined {
  try {
    return metricBatchSchema.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

export interface MetricsSummary {
  /** Last value of each metric. */
  figures: Record<string, number>
  /** Epochs with training figures. */
  epochs: number
}

export function summarise(history: readonly MetricBatch[]): MetricsSummary {
  const figures: Record<string, number> = {}
  let epochs = 0
  for (const { epoch, values } of history) {
    Object.assign(figures, values)
    // Figures of the test splits carry the number of epochs trained, not the index of one.
    if (Object.keys(values).some((name) => name.startsWith('train_'))) epochs = Math.max(epochs, epoch + 1)
  }
  return { figures, epochs }
}
