import type { EChartsCoreOption } from 'echarts/core'
import { formatDuration, formatFigure } from '../runs/format'
import type { TokenReader } from '../ui/tokens'
import type { LiveCurve } from './liveCurve'
import type { Axis } from './useCurves'

const FONT_PX = 11

/** How one curve looks: told apart by colour and by dashes. */
export interface CurveLook {
  name: string
  colour: `--${string}`
  dashed: boolean
}

export interface CurvePicture {
  curves: readonly { look: CurveLook; curve: LiveCurve }[]
  axis: Axis
  log: boolean
  range: [number, number] | undefined
  /** First moment of the run, milliseconds since the Unix epoch: the time axis begins there. */
  start: number
  /** 0-based. */
  bestEpoch: number | undefined
}

/** A place on the axis as people count it: epochs from 1, time in seconds from the start. */
export function shownX(x: number, { axis, start }: Pick<CurvePicture, 'axis' | 'start'>): number {
  if (axis === 'epoch') return x + 1
  return axis === 'time' ? (x - start) / 1000 : x
}

export function storedX(x: number, { axis, start }: Pick<CurvePicture, 'axis' | 'start'>): number {
  if (axis === 'epoch') return x - 1
  return axis === 'time' ? x * 1000 + start : x
}

export function axisLabel(x: number, axis: Axis): string {
  return axis === 'time' ? formatDuration(x) : x.toLocaleString('en', { maximumFractionDigits: 0 })
}

export interface CurveFrame {
  axis: Axis
  logX?: boolean
  logY: boolean
  /** As people count it. */
  min: number
  max: number
}

/** Axes and zoom of every chart of curves. Calm: no animation, thin grid, the wheel zooms only with Ctrl. */
export function curveFrame({ axis, logX, logY, min, max }: CurveFrame, token: TokenReader, fontFamily: string) {
  const text = { color: token('--text-quiet'), fontSize: FONT_PX, fontFamily }
  const label = { ...text, hideOverlap: true }
  return {
    animation: false,
    textStyle: text,
    grid: { left: 52, right: 16, top: 12, bottom: 24 },
    xAxis: {
      type: logX === true ? 'log' : 'value',
      min,
      max,
      minInterval: axis === 'time' ? undefined : 1,
      axisLabel: { ...label, showMinLabel: true, showMaxLabel: true, formatter: (x: number) => axisLabel(x, axis) },
      axisLine: { lineStyle: { color: token('--line-control') } },
      splitLine: { show: false },
    },
    yAxis: {
      type: logY ? 'log' : 'value',
      scale: true,
      splitNumber: 4,
      axisLabel: { ...label, formatter: (y: number) => Number(y.toPrecision(4)).toString() },
      splitLine: { lineStyle: { color: token('--line'), width: 1 } },
    },
    dataZoom: { type: 'inside', filterMode: 'none', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: 'shift', minSpan: 0.1 },
  }
}

export function curveOption(picture: CurvePicture, token: TokenReader, fontFamily: string): EChartsCoreOption {
  const { curves, axis, log, range, bestEpoch } = picture
  const text = { color: token('--text-quiet'), fontSize: FONT_PX, fontFamily }
  const points = (sample: LiveCurve['raw']): [number, number | null][] =>
    sample.x.map((x, i) => {
      const y = sample.y[i] ?? null
      return [shownX(x, picture), log && y !== null && y <= 0 ? null : y]
    })
  const drawn = curves.flatMap(({ look, curve }) => {
    const base = {
      name: look.name,
      type: 'line' as const,
      symbolSize: 5,
      color: token(look.colour),
      emphasis: { disabled: true },
    }
    const dash = look.dashed ? [5, 3] : 'solid'
    const raw = { ...base, data: points(curve.raw), showSymbol: curve.raw.x.length === 1 }
    if (!curve.smooth) return [{ ...raw, lineStyle: { width: 1.8, type: dash } }]
    return [
      { ...raw, silent: true, tooltip: { show: false }, lineStyle: { width: 1, opacity: 0.3 } },
      { ...base, data: points(curve.smooth), showSymbol: false, lineStyle: { width: 1.8, type: dash } },
    ]
  })
  const xs = curves.flatMap(({ curve: { raw } }) => [raw.x[0], raw.x.at(-1)]).filter((x) => x !== undefined)
  const [from, to] = range ?? [Math.min(...xs), Math.max(...xs)]
  const end = shownX(to, picture)
  return {
    ...curveFrame(
      {
        axis,
        logY: log,
        min: Number.isFinite(from) ? shownX(from, picture) : 0,
        max: Number.isFinite(end) ? Math.max(end, axis === 'epoch' ? 2 : 1) : 1,
      },
      token,
      fontFamily,
    ),
    // HTML tooltips carry inline styles, which the page's CSP refuses.
    tooltip: {
      trigger: 'axis',
      renderMode: 'richText',
      confine: true,
      transitionDuration: 0,
      backgroundColor: token('--surface'),
      borderColor: token('--line-control'),
      borderWidth: 1,
      padding: 8,
      textStyle: { ...text, color: token('--text'), fontSize: FONT_PX + 1 },
      axisPointer: { type: 'line', lineStyle: { color: token('--line-control'), type: 'solid' } },
      formatter: (shown: { axisValue: number; seriesName: string; value: [number, number | null] }[]) =>
        [
          `${axis} ${axisLabel(shown[0]?.axisValue ?? 0, axis)}`,
          ...shown.map(
            ({ seriesName, value: [, y] }) => `${seriesName}  ${y === null ? 'not a number' : formatFigure(y)}`,
          ),
        ].join('\n'),
    },
    series: drawn.map((one, index) =>
      index === 0 && axis === 'epoch' && bestEpoch !== undefined
        ? { ...one, markLine: bestMark(bestEpoch + 1, end, text, token) }
        : one,
    ),
  }
}

function bestMark(epoch: number, end: number, text: object, token: TokenReader): object {
  // Beside its line, on the side where there is room.
  const align = epoch < end / 2 ? 'left' : 'right'
  return {
    silent: true,
    symbol: 'none',
    data: [{ xAxis: epoch }],
    lineStyle: { color: token('--text-faint'), width: 1, type: [2, 3] },
    label: { ...text, formatter: ' best ', position: 'end', rotate: 0, distance: -10, align },
  }
}
