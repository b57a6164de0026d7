import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemReturn } from 'echarts/types/dist/shared'
import type { EChartsCoreOption } from 'echarts/core'
import type { GroupCurve } from '../../shared/domain/compare'
import { curveFrame } from '../curves/curveOption'
import type { Axis } from '../curves/useCurves'
import { formatFigure } from '../runs/format'
import type { TokenReader } from '../ui/tokens'

/** A curve with its look, as it is drawn. */
export interface DrawnCurve {
  id: string
  ids: readonly string[]
  label: string
  colour: string
  dash: readonly number[]
  reference: boolean
  curve: GroupCurve
}

/** Beyond so many curves each is one pixel wide, which is what a canvas without a graphics card paints ten times as fast as any other width. */
const MANY = 20

export interface GroupPicture {
  curves: readonly DrawnCurve[]
  axis: Axis
  range: [number, number] | undefined
  logX: boolean
  logY: boolean
  band: boolean
  /** A line at the last value of the reference. */
  line: boolean
}

/** A place on the axis as people count it: epochs from 1; time is in seconds already. */
export function shownPlace(x: number, axis: Axis): number {
  return axis === 'epoch' ? x + 1 : x
}

export function storedPlace(x: number, axis: Axis): number {
  return axis === 'epoch' ? x - 1 : x
}

export function lastOf({ mean }: GroupCurve): number | undefined {
  return mean.findLast((value) => value !== null) ?? undefined
}

export function groupOption(picture: GroupPicture, token: TokenReader, fontFamily: string): EChartsCoreOption {
  const { curves, axis, range, logX, logY, line } = picture
  const ends = curves.flatMap(({ curve: { x } }) => [x[0], x.at(-1)]).filter((x) => x !== undefined)
  const [from, to] = (range ?? [Math.min(...ends), Math.max(...ends)]).map((x) => shownPlace(x, axis))
  const min = from !== undefined && Number.isFinite(from) ? from : 0
  const max = to !== undefined && Number.isFinite(to) ? Math.max(to, axis === 'epoch' ? 2 : 1) : 1
  const drawable = (x: number, y: number | null): [number, number | null] | [null, null] =>
    logX && x <= 0 ? [null, null] : [x, logY && y !== null && y <= 0 ? null : y]
  return {
    ...curveFrame({ axis, logX, logY, min: logX ? Math.max(min, 1) : min, max }, token, fontFamily),
    series: curves.flatMap(({ id, colour, dash, reference, curve }) => {
      const xs = curve.x.map((x) => shownPlace(x, axis))
      const last = lastOf(curve)
      const width = reference ? 2.6 : curves.length > MANY ? 1 : 1.6
      return [
        ...(picture.band && curve.runs > 1 ? [bandSeries(curve, xs, colour, logY)] : []),
        {
          id,
          type: 'line' as const,
          data: xs.map((x, at) => drawable(x, curve.mean[at] ?? null)),
          color: colour,
          symbolSize: 5,
          showSymbol: xs.length === 1,
          lineStyle: { width, type: dash.length > 0 ? [...dash] : ('solid' as const) },
          emphasis: { focus: 'series' as const, lineStyle: { width: width + 1 } },
          blur: { lineStyle: { opacity: 0.2 } },
          z: reference ? 4 : 3,
          ...(line && reference && last !== undefined && { markLine: referenceLine(last, token, fontFamily) }),
        },
      ]
    }),
  }
}

function referenceLine(y: number, token: TokenReader, fontFamily: string): object {
  return {
    silent: true,
    symbol: 'none',
    data: [{ yAxis: y }],
    lineStyle: { color: token('--text-faint'), width: 1, type: [4, 3] },
    label: {
      ...{ formatter: `reference ${formatFigure(y)}`, position: 'insideStartTop', fontFamily },
      ...{ color: token('--text-quiet'), fontSize: 11 },
    },
    emphasis: { disabled: true },
  }
}

/** From low to high as one shape for each stretch without a gap: stacked areas do not go together with a log axis. */
function bandSeries({ low, high }: GroupCurve, xs: readonly number[], colour: string, log: boolean): object {
  const stretches: number[][] = [[]]
  for (const [at, bottom] of low.entries()) {
    const known = bottom !== null && high[at] !== null && (!log || bottom > 0)
    if (known) stretches.at(-1)?.push(at)
    else if (stretches.at(-1)?.length) stretches.push([])
  }
  const point = (api: CustomSeriesRenderItemAPI, at: number, y: number | null | undefined): number[] =>
    api.coord([xs[at] ?? 0, y ?? 0])
  return {
    type: 'custom',
    silent: true,
    clip: true,
    data: [[xs[0] ?? 0, low.find((value) => value !== null) ?? 0]],
    z: 2,
    renderItem: (_: unknown, api: CustomSeriesRenderItemAPI): CustomSeriesRenderItemReturn => ({
      type: 'group',
      children: stretches
        .filter((stretch) => stretch.length > 1)
        .map((stretch) => ({
          type: 'polygon' as const,
          shape: {
            points: [
              ...stretch.map((at) => point(api, at, high[at])),
              ...stretch.toReversed().map((at) => point(api, at, low[at])),
            ],
          },
          style: { fill: colour, opacity: 0.15 },
          blur: { style: { opacity: 0.03 } },
        })),
    }),
  }
}
