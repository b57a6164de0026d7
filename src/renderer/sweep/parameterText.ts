import type { FormField } from '../../shared/config/formFields'
import type { Parameter, ParameterValue } from '../../shared/domain/sweep'
import { numberTyped, shown } from '../experiment/format'

/** Values as a person writes them into one line. `default` stands for a key that is left out. */
export function valuesText(values: readonly ParameterValue[]): string {
  return values.map((value) => (value === null ? 'default' : shown(value))).join(', ')
}

/** What was typed; text where a number is wanted is kept, so that its error can be shown. */
export function valuesTyped(text: string, { kind }: FormField): ParameterValue[] {
  return text
    .split(/[,;\s]+/)
    .filter(Boolean)
    .map((one) => {
      if (one === 'default') return null
      if (kind === 'boolean') return one === 'true' || one === 'yes'
      return kind === 'int' || kind === 'number' ? numberTyped(one) : one
    })
}

/** Keys that a sweep can try, of those that an experiment has. */
export function canBeTried({ key, section, kind, unused }: FormField): boolean {
  if (key === 'rw_model_name') return true
  return section !== null && key !== 'trainer.seed' && kind !== 'numbers' && kind !== 'features' && !unused
}

/**
 * A range around a value, to begin with: a quarter of it to four times as much, or half of it either way.
 *
 * @param stepped whether the sweep lists every value, which needs a step and has no logarithm
 */
export function rangeAround(
  value: unknown,
  { log, kind, min, max, above, below }: FormField,
  stepped: boolean,
): Parameter {
  const int = kind === 'int'
  const near = typeof value === 'number' && Number.isFinite(value) ? value : 1
  const low = log ? near / 4 : near - Math.max(Math.abs(near) / 2, int ? 1 : 0.1)
  const high = log ? near * 4 : near + Math.max(Math.abs(near) / 2, int ? 1 : 0.1)
  const tidy = (one: number): number => (int ? Math.round(one) : Number(one.toPrecision(2)))
  const inside = (one: number): number => {
    const lowest = min !== undefined && (above ? one <= min : one < min)
    const highest = max !== undefined && (below ? one >= max : one > max)
    return lowest ? (above ? near / 4 : (min ?? one)) : highest ? (below ? near : (max ?? one)) : one
  }
  const [from, to] = [inside(tidy(low)), inside(tidy(high))]
  const end = to > from ? to : from + 1
  if (stepped) return { min: from, max: end, ...(!int && { step: Number(((end - from) / 3).toPrecision(2)) }) }
  return { min: from, max: end, ...(log && from > 0 && { scale: 'log' as const }) }
}
