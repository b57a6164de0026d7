import type { Adaptation } from '../../shared/domain/adaptation'

interface Cell {
  acc: number
  /** Of a line without an interval these are left out. */
  low?: number
  high?: number
}

/** Curves of several runs, a row a k, and the line of one reward for everybody last; null where a run has no such k. */
export function newcomersTable(
  adaptations: readonly Pick<Adaptation, 'curve' | 'bt'>[],
): { label: string; cells: (Cell | null)[] }[] {
  const ks = [...new Set(adaptations.flatMap(({ curve }) => curve.map(({ k }) => k)))].sort((a, b) => a - b)
  const rows = ks.map((k) => ({
    label: k === 0 ? 'generic' : String(k),
    cells: adaptations.map(({ curve }): Cell | null => curve.find((point) => point.k === k) ?? null),
  }))
  if (adaptations.some(({ bt }) => bt)) rows.push({ label: 'bt', cells: adaptations.map(({ bt }) => bt) })
  return rows
}

/** Whether all were judged by as many users and pairs: runs on the same data that know the same users. */
export function samePairs(adaptations: readonly Pick<Adaptation, 'users_judged' | 'pairs' | 'users'>[]): boolean {
  const keyOf = ({ users_judged, pairs, users }: (typeof adaptations)[number]): string =>
    JSON.stringify([users_judged, pairs, users.map(({ u_id, pairs: own }) => [u_id, own])])
  return new Set(adaptations.map(keyOf)).size <= 1
}
