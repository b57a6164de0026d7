import { configurationTable, pairedTable, resultTable, signedLike, withMinus } from '../../../shared/comparedTables'
import {
  LEVEL,
  MOST_TESTED,
  type ComparedRuns,
  type PairedResult,
  type PredictedSplit,
  type RunGroup,
} from '../../../shared/domain/compare'
import type { Importance } from '../../../shared/domain/importance'
import { VERSION } from '../../../shared/version'
import { readEnvironment } from '../../reproduce/environment'
import type { Store } from '../../store/openStore'
import { groupCurves } from '../groupCurves'
import { curvesSvg } from './chart'
import { escapeHtml, pageHtml, tableHtml } from './html'

/** Of a chart: more lines are a surface. */
const MOST_CURVES = 18
const CURVES = ['val_loss', 'val_acc']
const BUCKETS = 400

export interface ReportParts {
  compared: ComparedRuns
  /** Place of the reference among the groups. */
  reference: number
  tested: { split: PredictedSplit; result: PairedResult } | undefined
  importance: { figure: string; found: Importance } | undefined
}

const figureText = (value: number): string =>
  withMinus(value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toFixed(4))

/** A comparison as one file that needs nothing else: no script, no address, and whatever runs are called stays text. */
export function reportHtml(store: Store, { compared, reference, tested, importance }: ReportParts): string {
  const { runs, groups, params } = compared
  const base = groups[reference]
  const title = `Comparison of ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`
  const differing = params.filter(({ differs }) => differs)
  const names = runs.map(({ exp_name, exp_version }) => `${exp_name}/${exp_version}`)
  return pageHtml(title, [
    `<h1>${title}</h1>`,
    `<p class="quiet">Delta Workbench ${VERSION}, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC. The reference is ${escapeHtml(base?.label ?? '')}.</p>`,
    '<h2>Results</h2>',
    tableHtml(resultTable({ groups, figures: compared.figures, reference }, figureText)),
    '<p class="quiet">Runs that differ only by their seed stand in one line as mean ± standard deviation. Δ is the difference from the reference; * marks the best, which may be best by chance.</p>',
    ...testedHtml(
      base,
      groups.filter((_, at) => at !== reference),
      tested,
    ),
    '<h2>Curves</h2>',
    ...curvesHtml(store, compared),
    ...importanceHtml(importance),
    '<h2>Configuration</h2>',
    differing.length === 0
      ? '<p>The configurations are equal.</p>'
      : `${tableHtml(configurationTable(differing, names))}<p class="quiet">Only what differs. A key that a run does not have reads (missing).</p>`,
    '<h2>Runs</h2>',
    ...runs.map((run, at) => runHtml(store, run.id, names[at] ?? '')),
  ])
}

function testedHtml(base: RunGroup | undefined, others: readonly RunGroup[], tested: ReportParts['tested']): string[] {
  if (!tested) return []
  const { split, result } = tested
  const agreement = others.flatMap(({ label }, at) => {
    const found = result.others[at]
    if (!found || 'skipped' in found || !found.cells) return []
    const { both, only_a, only_b, neither } = found.cells
    return [[label, ...[both, only_a, only_b, neither].map(String)]]
  })
  const weak =
    result.comparisons > 0 && result.smallest >= LEVEL
      ? ` So few users differ that the smallest corrected p is ${figureText(result.smallest)}: nothing can be told.`
      : ''
  return [
    `<h2>Accuracy on the same pairs of ${split}</h2>`,
    tableHtml(pairedTable(base, others, result, figureText)),
    `<p class="quiet">Intervals by a bootstrap over users (${result.resamples.toLocaleString('en')} resamples); p by flipping the signs of users’ differences, two-sided, corrected by Holm for ${result.comparisons} ${result.comparisons === 1 ? 'comparison' : 'comparisons'}. Better and worse are said where the corrected p is below ${LEVEL} and the interval leaves out zero.${weak}</p>`,
    ...(agreement.length === 0
      ? []
      : [
          '<h3>Agreement with the reference, pairs</h3>',
          tableHtml({
            header: ['run', 'both right', 'only the reference', 'only this run', 'both wrong'],
            rows: agreement,
          }),
        ]),
  ]
}

function curvesHtml(store: Store, { runs, groups }: ComparedRuns): string[] {
  const shown = groups.slice(0, MOST_CURVES)
  const ids = shown.map((group) => group.runs.flatMap((at) => runs[at]?.id ?? []))
  const charts = CURVES.flatMap((metric) => {
    const found = groupCurves(store, { groups: ids, metric, buckets: BUCKETS })
    const curves = found.map((curve, at) => ({
      ...{ label: shown[at]?.label ?? '', x: curve.x.map((x) => x + 1), band: curve.runs > 1 },
      ...{ mean: curve.mean, low: curve.low, high: curve.high },
    }))
    const svg = curvesSvg(metric, 'epoch', curves)
    return svg === undefined ? [] : [`<h3>${metric}</h3>${svg}`]
  })
  if (charts.length === 0) return ['<p>None of these runs has a curve.</p>']
  const cut = groups.length > shown.length ? ` The first ${shown.length} of ${groups.length} curves.` : ''
  return [...charts, `<p class="quiet">Means over seeds; bands go from the lowest to the highest run.${cut}</p>`]
}

function importanceHtml(importance: ReportParts['importance']): string[] {
  if (!importance) return []
  const { figure, found } = importance
  const rows = found.fields.map(({ name, importance: weight, error, rho }) => [
    name,
    `${withMinus(weight.toFixed(3))} ± ${error.toFixed(3)}`,
    rho === null ? '–' : signedLike(rho, rho, (value) => value.toFixed(2)),
  ])
  return [
    `<h2>What matters for ${escapeHtml(figure)}</h2>`,
    tableHtml({ header: ['parameter', 'importance', 'Spearman’s ρ'], rows }),
    `<p class="quiet">Permutation importance of a random forest (${found.trees} trees, ${found.runs} runs, ${(100 * found.explained).toFixed(0)} % of the variance explained on runs that its trees have not seen). It says what predicts the figure in these runs, not what causes it; parameters that vary together share their importance, and ρ sees one direction only.</p>`,
  ]
}

/** What it takes to have the run again: version, command, and what the data were. */
function runHtml(store: Store, id: string, name: string): string {
  const { key, dir, status, reason } = store.runs.get(id)
  const origin = store.runs.origin(key)
  const environment = dir === null ? undefined : readEnvironment(dir)
  const known = store.runs.files(key).map(({ role, sha256 }) => [role, sha256])
  const recorded = Object.entries(environment?.files ?? {}).map(([role, file]) => [role, file?.sha256 ?? 'unreadable'])
  const files = known.length > 0 ? known : recorded
  const { tags, note } = store.annotations.of(key)
  const about = [
    ['Run', id],
    ['Status', [status, reason].filter(Boolean).join(': ')],
    ['Version', origin?.version || 'not recorded'],
    [
      'Ran on',
      environment
        ? `${environment.backend}, ${environment.threads} threads, ${environment.cpu}, Node ${environment.node}`
        : 'not recorded',
    ],
    ...(tags.length > 0 ? [['Tags', tags.join(', ')]] : []),
    ...(note ? [['Note', note]] : []),
  ]
  const lines = about.map(([label = '', text = '']) => `<p><b>${label}</b> ${escapeHtml(text)}</p>`)
  const hashes =
    files.length === 0
      ? '<p class="quiet">The hashes of its data were not recorded.</p>'
      : tableHtml({ header: ['data file', 'SHA-256'], rows: files })
  return `<details><summary>${escapeHtml(name)}</summary>${lines.join('')}<p><b>Command</b> <code>${escapeHtml(origin?.command || 'not recorded')}</code></p>${hashes}</details>`
}

/** The split that most comparisons can be made on: the first that the reference and some other group have predictions of. */
export function testableSplit({ runs, groups }: ComparedRuns, reference: number): PredictedSplit | undefined {
  if (groups.length < 2 || groups.length - 1 > MOST_TESTED) return undefined
  const has = (group: RunGroup | undefined, split: PredictedSplit): boolean =>
    group?.runs.every((at) => runs[at]?.splits.includes(split) === true) === true
  return (['test', 'test_unseen', 'dev'] as const).find(
    (split) => has(groups[reference], split) && groups.some((group, at) => at !== reference && has(group, split)),
  )
}
