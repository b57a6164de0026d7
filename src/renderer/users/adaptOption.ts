import type { EChartsCoreOption } from 'echarts/core'
import type { Adaptation } from '../../shared/domain/adaptation'
import { percent } from '../datasets/format'
import type { ChartLook } from '../ui/useChart'
import { plain } from './scatterOption'

const FONT_PX = 11
/** Accuracies of one reward for everybody that are drawn as one line. */
const SAME = 1e-9

/** One run's curve; the label tells it from others, and is '' where it is the only one. */
export interface AdaptLine extends Pick<Adaptation, 'curve' | 'bt'> {
  label: string
  colour: `--${string}`
  dash: readonly number[]
}

/** Accuracy against k with its interval over repetitions, of each run, above the line of one reward for everybody. */
export function adaptOption(lines: readonly AdaptLine[], { colour, fontFamily }: ChartLook): EChartsCoreOption {
  const text = { color: colour('--text-quiet'), fontSize: FONT_PX, fontFamily }
  const ks = [...new Set(lines.flatMap(({ curve }) => curve.map(({ k }) => k)))].sort((a, b) => a - b)
  const pointOf = ({ curve }: AdaptLine, k: number) => curve.find((point) => point.k === k)
  const rewards = lines.flatMap(({ bt, colour: own }) => (bt ? [{ acc: bt.acc, colour: own }] : []))
  const [reward] = rewards
  // Runs on the same data share it.
  const shared = reward && rewards.every(({ acc }) => Math.abs(acc - reward.acc) < SAME)
  // Of several, one has that colour for its own.
  const ownColour = lines.length === 1 ? '--series-val' : '--text-quiet'
  const yardsticks = shared ? [{ acc: reward.acc, colour: ownColour } as const] : rewards
  const all = [
    ...lines.flatMap(({ curve }) => curve.flatMap(({ low, high }) => [low, high])),
    ...yardsticks.map(({ acc }) => acc),
  ]
  const [least, most] = [Math.floor(50 * Math.min(...all)) / 50, Math.ceil(50 * Math.max(...all)) / 50]
  const band = { ...{ type: 'line', symbol: 'none', silent: true }, lineStyle: { width: 0 }, tooltip: { show: false } }
  const values = (line: AdaptLine, of: (point: Adaptation['curve'][number]) => number): (number | null)[] =>
    ks.map((k) => {
      const point = pointOf(line, k)
      return point ? of(point) : null
    })
  return {
    animation: false,
    textStyle: text,
    grid: { left: 58, right: 16, top: 12, bottom: 40 },
    xAxis: {
      ...{ type: 'category', data: ks.map(String), boundaryGap: false },
      ...{ name: 'pairs of the user (k)', nameLocation: 'middle', nameGap: 24, nameTextStyle: text, axisLabel: text },
      axisLine: { lineStyle: { color: colour('--line-control') } },
    },
    yAxis: {
      ...{ type: 'value', min: least, max: most, name: 'accuracy on held-out pairs', nameLocation: 'middle' },
      ...{ nameGap: 42, nameTextStyle: text, splitNumber: 4 },
      axisLabel: { ...text, formatter: (value: number) => percent(value) },
      splitLine: { lineStyle: { color: colour('--line'), width: 1 } },
    },
    tooltip: {
      trigger: 'axis',
      // Drawn on the canvas as well: an HTML tooltip would need inline styles, which the page's CSP refuses.
      renderMode: 'richText',
      confine: true,
      transitionDuration: 0,
      backgroundColor: colour('--surface'),
      borderColor: colour('--line-control'),
      borderWidth: 1,
      padding: 8,
      textStyle: { ...text, color: colour('--text'), fontSize: FONT_PX + 1 },
      formatter: ([at]: readonly { dataIndex: number }[]) => {
        const k = at && ks[at.dataIndex]
        if (k === undefined) return ''
        const said = lines.flatMap((line) => {
          const point = pointOf(line, k)
          if (!point) return []
          const { acc, low, high } = point
          return [`${plain(line.label)}${line.label && ' '}${percent(acc)} (${percent(low)} – ${percent(high)})`]
        })
        return said.length === 1 ? `k = ${k}: ${said[0]}` : [`k = ${k}`, ...said].join('\n')
      },
    },
    series: [
      ...lines.flatMap((line, at) => {
        const stack = { stack: `interval ${at}`, stackStrategy: 'all' }
        return [
          { ...band, ...stack, data: values(line, ({ low }) => low) },
          {
            ...{ ...band, ...stack, data: values(line, ({ low, high }) => high - low) },
            areaStyle: { color: colour(line.colour), opacity: lines.length > 1 ? 0.1 : 0.18 },
          },
        ]
      }),
      ...lines.map((line) => ({
        ...{ type: 'line', symbol: 'circle', symbolSize: 7, color: colour(line.colour), connectNulls: true },
        data: values(line, ({ acc }) => acc),
        lineStyle: { width: 2, type: line.dash.length > 0 ? [...line.dash] : 'solid' },
      })),
      ...yardsticks.map(({ acc, colour: own }) => ({
        ...{ type: 'line', symbol: 'none', silent: true, color: colour(own), data: ks.map(() => acc) },
        lineStyle: { width: 1.5, type: 'dashed' },
        endLabel: { ...text, show: true, formatter: 'bt', color: colour(own), offset: [-18, -8] },
      })),
    ],
  }
}
