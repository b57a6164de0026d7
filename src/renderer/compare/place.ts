import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import { BANDS, MOST_COMPARED, predictedSplitSchema, type Band, type PredictedSplit } from '../../shared/domain/compare'
import { MOST_BESIDE } from '../../shared/domain/examples'
import { HISTORY_AXES } from '../../shared/domain/history'
import { comparisonNameSchema } from '../../shared/domain/savedComparisons'

export const COMPARE_TABS = ['Overview', 'Curves', 'Parameters', 'Examples', 'Users', 'Configuration'] as const
export type CompareTab = (typeof COMPARE_TABS)[number]

/** What of the users of runs is compared. */
export const COMPARED_USERS_VIEWS = ['accuracy', 'dimensions', 'maps', 'newcomers'] as const
export type ComparedUsersView = (typeof COMPARED_USERS_VIEWS)[number]

/** How the curves are drawn. */
export interface CurvesPlace {
  /** A chart each. */
  metrics: readonly string[]
  axis: (typeof HISTORY_AXES)[number]
  /** One curve for each: runs that differ only by their seed, each run, or runs with the same values of the parameters below. */
  one: (typeof CURVE_UNITS)[number]
  /** Parameters whose values choose the colour, the dashes and the chart; undefined leaves these to the runs. */
  colour: string | undefined
  dash: string | undefined
  panel: string | undefined
  band: Band | 'none'
  /** Weight of the past in a moving average. */
  smoothing: number
  logX: boolean
  logY: boolean
  /** A line at the last value of the reference. */
  line: boolean
}
export const CURVE_UNITS = ['seeds', 'runs', 'values'] as const
const CURVE_BANDS = [...BANDS, 'none'] as const
const USUAL_METRICS: readonly string[] = ['val_loss', 'val_acc']

/** How runs are laid out by their parameters; undefined and nothing choose for themselves. */
export interface ParametersPlace {
  /** Of the parallel coordinates, in order. */
  axes: readonly string[]
  /** Those that are logarithmic, in every chart, and those that are turned over. */
  log: readonly string[]
  flip: readonly string[]
  /** What colours and cells are about. */
  figure: string | undefined
  x: string | undefined
  y: string | undefined
  down: string | undefined
  across: string | undefined
}
const ONE_FIELD = ['figure', 'x', 'y', 'down', 'across'] as const
const MANY_FIELDS = ['axes', 'log', 'flip'] as const

/** What of a comparison stands in the address: whoever opens it sees the same. */
export interface ComparePlace {
  /** Ids, each once. */
  runs: readonly string[]
  /** One of `runs`; undefined where there are none. */
  reference: string | undefined
  tab: CompareTab
  /** Figures besides the usual ones. */
  figures: readonly string[]
  /** The split whose predictions are tested; undefined chooses for itself. */
  split: PredictedSplit | undefined
  /** Every run by itself, although some differ only by their seed. */
  single: boolean
  /** Keys that are equal in all runs too. */
  all: boolean
  curves: CurvesPlace
  parameters: ParametersPlace
  users: ComparedUsersView
  /** Runs whose pairs are shown beside the reference's; without any, one is chosen. */
  beside: readonly string[]
  /** What it was saved as. */
  name: string | undefined
}

const MOST_FIGURES = 100

/** Reads an address; whatever it says that cannot be is left out. */
export function placeOf(query: LocationQuery): ComparePlace {
  const runs = listOf(query.runs).slice(0, MOST_COMPARED)
  const [reference] = listOf(query.reference)
  return {
    runs,
    reference: reference !== undefined && runs.includes(reference) ? reference : runs[0],
    tab: COMPARE_TABS.find((tab) => tab.toLowerCase() === query.tab) ?? 'Overview',
    figures: listOf(query.figures).slice(0, MOST_FIGURES),
    split: predictedSplitSchema.safeParse(query.split).data,
    single: query.single === '1',
    all: query.all === '1',
    curves: curvesOf(query),
    parameters: parametersOf(query),
    users: COMPARED_USERS_VIEWS.find((view) => view === query.users) ?? 'accuracy',
    beside: listOf(query.other).slice(0, MOST_BESIDE - 1),
    name: comparisonNameSchema.safeParse(query.name).data,
  }
}

function curvesOf(query: LocationQuery): CurvesPlace {
  const metrics = listOf(query.metrics).slice(0, MOST_FIGURES)
  const [smoothing] = listOf(query.smooth).map(Number)
  return {
    metrics: metrics.length > 0 ? metrics : USUAL_METRICS,
    axis: HISTORY_AXES.find((axis) => axis === query.x) ?? 'epoch',
    one: CURVE_UNITS.find((unit) => unit === query.one) ?? 'seeds',
    colour: listOf(query.colour)[0],
    dash: listOf(query.dash)[0],
    panel: listOf(query.panel)[0],
    band: CURVE_BANDS.find((band) => band === query.band) ?? 'range',
    smoothing: smoothing !== undefined && smoothing >= 0 && smoothing <= 0.99 ? smoothing : 0,
    logX: query.logx === '1',
    logY: query.logy === '1',
    line: query.line === '1',
  }
}

const fieldKey = (name: string): string => `p_${name}`

function parametersOf(query: LocationQuery): ParametersPlace {
  const many = (name: string): string[] => listOf(query[fieldKey(name)]).slice(0, MOST_FIGURES)
  const one = (name: string): string | undefined => many(name)[0]
  return {
    ...{ axes: many('axes'), log: many('log'), flip: many('flip'), figure: one('figure') },
    ...{ x: one('x'), y: one('y'), down: one('down'), across: one('across') },
  }
}

function queryOfParameters(place: ParametersPlace): LocationQueryRaw {
  const one = ONE_FIELD.flatMap((name) => (place[name] === undefined ? [] : [[fieldKey(name), textOf([place[name]])]]))
  const many = MANY_FIELDS.flatMap((name) => (place[name].length === 0 ? [] : [[fieldKey(name), textOf(place[name])]]))
  return Object.fromEntries([...one, ...many])
}

function queryOfCurves(curves: CurvesPlace): LocationQueryRaw {
  const { metrics, axis, one, colour, dash, panel, band, smoothing, logX, logY, line } = curves
  return {
    ...(metrics.join() !== USUAL_METRICS.join() && { metrics: textOf(metrics) }),
    ...(axis !== 'epoch' && { x: axis }),
    ...(one !== 'seeds' && { one }),
    ...(colour !== undefined && { colour: textOf([colour]) }),
    ...(dash !== undefined && { dash: textOf([dash]) }),
    ...(panel !== undefined && { panel: textOf([panel]) }),
    ...(band !== 'range' && { band }),
    ...(smoothing > 0 && { smooth: String(smoothing) }),
    ...(logX && { logx: '1' }),
    ...(logY && { logy: '1' }),
    ...(line && { line: '1' }),
  }
}

/** The address of a place; what goes without saying is not said. */
export function queryOf({
  runs,
  reference,
  tab = 'Overview',
  figures = [],
  split,
  single,
  all,
  curves,
  parameters,
  users = 'accuracy',
  beside = [],
  name,
}: Partial<ComparePlace>): LocationQueryRaw {
  return {
    ...(runs && runs.length > 0 && { runs: textOf(runs) }),
    ...(reference !== undefined && reference !== runs?.[0] && { reference: textOf([reference]) }),
    ...(tab !== 'Overview' && { tab: tab.toLowerCase() }),
    ...(figures.length > 0 && { figures: textOf(figures) }),
    ...(split && { split }),
    ...(single === true && { single: '1' }),
    ...(all === true && { all: '1' }),
    ...(curves && queryOfCurves(curves)),
    ...(parameters && queryOfParameters(parameters)),
    ...(users !== 'accuracy' && { users }),
    ...(beside.length > 0 && { other: textOf(beside) }),
    ...(name !== undefined && { name }),
  }
}

/** Names separated by commas; a comma in one is written as in an address. */
function textOf(names: readonly string[]): string {
  return names.map((name) => name.replaceAll('%', '%25').replaceAll(',', '%2C')).join(',')
}

function listOf(text: LocationQuery[string] | undefined): string[] {
  if (typeof text !== 'string') return []
  const names = text.split(',').map((name) => name.replaceAll('%2C', ',').replaceAll('%25', '%'))
  return [...new Set(names.filter(Boolean))]
}
