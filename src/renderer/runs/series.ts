import type { MetricBatch } from '../../shared/domain/metric'

export interface Series {
  /** The metric's plain name, `val_loss`. */
  name: string
  /** Custom property that holds its colour. */
  colour: string
  /** Told apart without colour as well. */
  dashed: boolean
  points: [epoch: number, value: number][]
}

/** Files count epochs from 0, people from 1. */
export function epochNumber(epoch: number): number
export function epochNumber(epoch: number | undefined): number | undefined
export function epochNumber(epoch: number | undefined): number | undefined {
  return epoch === undefined ? undefined : epoch + 1
}

/** The curve of one metric: a point for every moment that has it. */
export function pointsOf(history: readonly MetricBatch[], name: string): [number, number][] {
  return history.flatMap(({ epoch, values }): [number, number][] => {
    const value = values[name]
    return value === undefined ? [] : [[epochNumber(epoch), value]]
  })
}

/** Training and validation curves of one figure, over epochs. */
export function trainAndVal(history: readonly MetricBatch[], figure: 'loss' | 'acc'): Series[] {
  return [
    { name: `train_${figure}`, colour: '--series-train', dashed: false, points: pointsOf(history, `train_${figure}`) },
    { name: `val_${figure}`, colour: '--series-val', dashed: true, points: pointsOf(history, `val_${figure}`) },
  ]
}
