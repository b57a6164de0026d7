/** A chart: the curves of one figure over the splits. */
export interface Panel {
  /** The figure without its split, `loss`. */
  key: string
  title: string
  metrics: readonly string[]
}

const TITLES: Record<string, string> = { loss: 'Loss', acc: 'Accuracy', lr: 'Learning rate' }
/** What people look at first. */
const FIRST = ['loss', 'acc', 'bt_loss', 'reg_loss', 'acc_delta', 'acc_r_star', 'lr']

/** The metrics of a run as charts. Figures of test splits are single numbers and make no curve. */
export function panelsOf(metrics: readonly string[]): Panel[] {
  const panels = new Map<string, string[]>()
  for (const name of metrics) {
    if (name.startsWith('test_')) continue
    const key = name.replace(/^(train|val)_/, '')
    panels.set(key, [...(panels.get(key) ?? []), name])
  }
  const rank = (key: string): number => (FIRST.includes(key) ? FIRST.indexOf(key) : FIRST.length)
  return [...panels]
    .sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b))
    .map(([key, names]) => ({ key, title: TITLES[key] ?? key, metrics: names.sort() }))
}
