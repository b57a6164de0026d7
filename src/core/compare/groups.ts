import { SEED_KEYS, type RunGroup } from '../../shared/domain/compare'

/** What decides in which group a run stands. */
export interface Groupable {
  exp_name: string
  exp_version: string
  /** Every key of its configuration; undefined is none. */
  params: ReadonlyMap<string, unknown>
}

/**
 * Puts runs together that differ in nothing but {@link SEED_KEYS}. A run with a seed that its group has already is a repetition and no
 * further sample: it begins a group of its own.
 *
 * @param by keys that decide instead: runs that agree in all of them
 */
export function groupRuns(runs: readonly Groupable[], by: readonly string[] = []): RunGroup[] {
  const groups: { seeds: Set<string>; runs: number[] }[] = []
  /** Looking through all groups for each run would take the square of the time. */
  const byKey = new Map<string, typeof groups>()
  for (const [at, { params }] of runs.entries()) {
    const key = keyOf(params, by)
    const seed =
      by.length > 0 || params.size === 0 ? `${at}` : JSON.stringify(SEED_KEYS.slice(0, 2).map((k) => params.get(k)))
    const alike = byKey.get(key) ?? []
    const known = alike.find((group) => !group.seeds.has(seed))
    // Without a configuration nothing says that two runs are the same.
    if (known && params.size > 0) {
      known.seeds.add(seed)
      known.runs.push(at)
      continue
    }
    const group = { seeds: new Set([seed]), runs: [at] }
    groups.push(group)
    if (params.size === 0) continue
    alike.push(group)
    byKey.set(key, alike)
  }
  return groups.map((group) => ({
    label: by.length > 0 ? labelOf(runs[group.runs[0]!]!.params, by) : nameOf(group.runs.map((at) => runs[at]!)),
    runs: group.runs,
  }))
}

function keyOf(params: ReadonlyMap<string, unknown>, by: readonly string[]): string {
  const names = by.length > 0 ? by : [...params.keys()].filter((name) => !SEED_KEYS.includes(name)).sort()
  return JSON.stringify(names.map((name) => [name, params.has(name) ? [params.get(name)] : []]))
}

function labelOf(params: ReadonlyMap<string, unknown>, by: readonly string[]): string {
  return by.map((name) => `${name}=${params.has(name) ? String(params.get(name)) : '(missing)'}`).join(' ')
}

/** `caimira-s1`, `caimira-s2` → `caimira`; names without a beginning in common keep the first one's. */
function nameOf(runs: readonly Groupable[]): string {
  const [first] = runs
  if (!first) return ''
  const versions = runs.map(({ exp_version }) => exp_version)
  if (versions.length === 1) return `${first.exp_name}/${first.exp_version}`
  const common = commonStart(versions).replace(/[-_.]?s?$/, '')
  return `${first.exp_name}/${common === '' ? first.exp_version : common}`
}

function commonStart(texts: readonly string[]): string {
  const [first = ''] = texts
  let length = first.length
  for (const text of texts) while (!text.startsWith(first.slice(0, length))) length--
  return first.slice(0, length)
}
