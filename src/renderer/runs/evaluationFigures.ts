import type { Evaluation, Figure } from '../../shared/domain/evaluation'
import { formatFigure } from './format'

/** Figures of an evaluation in words, wherever they are shown. */
const points = (value: number): string => (100 * value).toFixed(1)
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${points(Math.abs(value))}`
export const percentOf = (one: Figure): string => (one ? `${points(one.value)} %` : '–')
export const interval = (one: Figure): string => (one ? `${points(one.low)} – ${points(one.high)}` : '')
export const change = (one: Figure): string => (one ? signed(one.value) : '–')
export const changeInterval = (one: Figure): string => (one ? `${signed(one.low)} to ${signed(one.high)}` : '')
const plain = (one: Figure): string => (one ? formatFigure(one.value) : '–')
const plainInterval = (one: Figure): string => (one ? `${formatFigure(one.low)} – ${formatFigure(one.high)}` : '')

/** A figure and its interval; either is empty where there is none. */
export interface FigureText {
  label: string
  value: string
  range: string
}

export function figuresOf(shown: Evaluation): FigureText[] {
  const { worst_decile, kendall, calibration, auc } = shown
  return [
    { label: 'Accuracy over pairs', value: percentOf(shown.accuracy), range: interval(shown.accuracy) },
    { label: 'Accuracy, mean of users', value: percentOf(shown.user_accuracy), range: interval(shown.user_accuracy) },
    {
      label: `Worst decile, ${worst_decile.users} ${worst_decile.users === 1 ? 'user' : 'users'}`,
      value: percentOf(worst_decile.accuracy),
      range: interval(worst_decile.accuracy),
    },
    {
      label: 'Over users shuffled',
      value: shown.user_vector ? `${change(shown.user_vector)} points` : '–',
      range: changeInterval(shown.user_vector),
    },
    { label: 'NLL', value: plain(shown.nll), range: plainInterval(shown.nll) },
    { label: 'Brier', value: plain(shown.brier), range: plainInterval(shown.brier) },
    { label: 'ECE', value: formatFigure(calibration.ece), range: '' },
    { label: 'AUC', value: auc === null ? '–' : formatFigure(auc), range: '' },
    {
      label: 'Kendall’s τ',
      value: kendall ? plain(kendall.tau) : '–',
      range: kendall ? plainInterval(kendall.tau) : '',
    },
  ]
}
