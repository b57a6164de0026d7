/** Groups of the form, in their order. */
export const GROUPS = {
  experiment: 'Experiment',
  model: 'Model',
  regularisation: 'Regularisation',
  length: 'Length of training',
  optimiser: 'Optimiser',
  schedule: 'Learning rate schedule',
  seeds: 'Seeds',
  machine: 'Machine',
  sizes: 'Sizes of older files',
} as const
export type GroupName = keyof typeof GROUPS

/** What a person is told of a key: it stands beside the key's schema, and the form and its documentation are made of it. */
export interface KeyMeta {
  title: string
  /** A sentence on what the key does. */
  description: string
  group: GroupName
  /** What the number counts: epochs, pairs. */
  unit?: string
  /** Where factors matter and not differences. */
  scale?: 'log'
  /** What each value means. */
  choices?: Readonly<Record<string, string>>
  /** Without this value of another key, the key has no effect. `key` is a neighbour, or a key of the top level after a `/`. */
  only?: { readonly key: string; readonly is: readonly string[] } | { readonly key: string; readonly not: string }
  /** Accepted for older files; never shown unless a file has it. */
  unused?: true
}

/** Only for its type: zod's own metadata takes anything. */
export function about<M extends KeyMeta>(meta: M): M {
  return meta
}
