import type { EChartsCoreOption } from 'echarts/core'
import type { ChartLook } from '../ui/useChart'

const FONT_PX = 11
const POINT_PX = 7

export interface ScatterPoint {
  x: number
  y: number
  /** In words, for the tooltip. */
  title: string
  /** What it is coloured by; null is drawn in grey. */
  value: number | null
  /** Whether the table shows it. */
  kept: boolean
}

export interface ScatterAxis {
  name: string
  min?: number
  max?: number
  /** Between ticks. */
  interval?: number
  /** Counts have no halves. */
  whole?: boolean
  percent?: boolean
}

export interface ScatterLook {
  x: ScatterAxis
  y: ScatterAxis
  /** The point that is looked at. */
  current: number | undefined
  /** Smallest and largest value of the colours; undefined draws all in one. */
  colours: { min: number; max: number } | undefined
  /** A line on which x and y are equal, from 0 to 1. */
  diagonal?: boolean
}

/** Dark to light: viridis, told apart by lightness alone and under every form of colour blindness. */
const VIRIDIS = ['#440154', '#414487', '#2a788e', '#22a884', '#7ad151', '#fde725']

/** Points in a plane; those that the table leaves out are faint, and the current one has a ring. */
export function scatterOption(
  points: readonly ScatterPoint[],
  { x, y, current, colours, diagonal }: ScatterLook,
  { colour, fontFamily }: ChartLook,
): EChartsCoreOption {
  const text = { color: colour('--text-quiet'), fontSize: FONT_PX, fontFamily }
  const axis = ({ name, min, max, interval, whole, percent }: ScatterAxis) => ({
    ...{ type: 'value', name, nameLocation: 'middle', nameTextStyle: text, scale: true },
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(interval !== undefined && { interval }),
    ...(whole === true && { minInterval: 1 }),
    ...(percent === true && { interval: 0.25 }),
    axisLabel: {
      ...text,
      hideOverlap: true,
      ...(percent === true && { formatter: (value: number) => `${Math.round(100 * value)} %` }),
    },
    splitNumber: 4,
    splitLine: { lineStyle: { color: colour('--line'), width: 1 } },
    axisLine: { show: true, onZero: false, lineStyle: { color: colour('--line-control') } },
  })
  const shade = (value: number | null): string => {
    if (!colours) return colour('--series-train')
    return value === null ? colour('--text-faint') : viridis((value - colours.min) / (colours.max - colours.min || 1))
  }
  const ring = current === undefined ? undefined : points[current]
  return {
    animation: false,
    textStyle: text,
    grid: { left: 52, right: 14, top: 10, bottom: 38 },
    xAxis: { ...axis(x), nameGap: 22 },
    yAxis: { ...axis(y), nameGap: 38 },
    tooltip: {
      trigger: 'item',
      // Drawn on the canvas as well: an HTML tooltip would need inline styles, which the page's CSP refuses.
      renderMode: 'richText',
      confine: true,
      transitionDuration: 0,
      backgroundColor: colour('--surface'),
      borderColor: colour('--line-control'),
      borderWidth: 1,
      padding: 8,
      textStyle: { ...text, color: colour('--text'), fontSize: FONT_PX + 1 },
      formatter: ({ dataIndex }: { dataIndex: number }) => plain(points[dataIndex]?.title ?? ''),
    },
    brush: {
      // Within the axes, so that an area is told in their units.
      xAxisIndex: 0,
      brushStyle: { color: colour('--selected'), borderColor: colour('--accent'), borderWidth: 1, opacity: 0.35 },
      // Which points it takes is decided here, from their places: drawing them anew while it moves would be slow.
      outOfBrush: { colorAlpha: 1 },
      throttleType: 'debounce',
      throttleDelay: 200,
    },
    series: [
      {
        type: 'scatter',
        symbolSize: POINT_PX,
        cursor: 'pointer',
        data: points.map(({ x: px, y: py, value, kept }) => ({
          value: [px, py],
          // A rim, since the ends of the scale are as dark and as light as the two themes.
          itemStyle: {
            color: shade(value),
            opacity: kept ? 0.85 : 0.12,
            ...(colours && { borderColor: colour('--line-control'), borderWidth: 0.75 }),
          },
        })),
        emphasis: { scale: 1.7, itemStyle: { opacity: 1, borderColor: colour('--text'), borderWidth: 1.5 } },
      },
      {
        type: 'scatter',
        silent: true,
        symbolSize: POINT_PX + 7,
        tooltip: { show: false },
        itemStyle: { color: 'transparent', borderColor: colour('--text'), borderWidth: 2 },
        data: ring ? [[ring.x, ring.y]] : [],
      },
      ...(diagonal === true
        ? [
            {
              ...{ type: 'line', silent: true, symbol: 'none', tooltip: { show: false } },
              lineStyle: { color: colour('--text-faint'), width: 1, type: 'dashed' },
              data: [
                [0, 0],
                [1, 1],
              ],
            },
          ]
        : []),
    ],
  }
}

/** @param share from 0 to 1 */
export function viridis(share: number): string {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1)
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2)
  const part = (of: string, channel: number): number => Number.parseInt(of.slice(1 + 2 * channel, 3 + 2 * channel), 16)
  const mixed = [0, 1, 2].map((channel) => {
    const [from, to] = [part(VIRIDIS[low]!, channel), part(VIRIDIS[low + 1]!, channel)]
    return Math.round(from + (to - from) * (at - low))
  })
  return `rgb(${mixed.join(', ')})`
}

/** `{name|…}` is a style in a rich text of ECharts: data is no such thing. */
export const plain = (text: string): string => text.replaceAll(/[{}|]/g, ' ')
