import type { EChartsCoreOption } from 'echarts/core'
import type { Adaptation } from '../../shared/domain/adaptation'
import { percent } from '../datasets/format'
import type { ChartLook } from '../ui/useChart'

const FONT_PX = 11

/** Accuracy against k with its interval over repetitions, above the line of one reward for everybody. */
export function adaptOption(
  { curve, bt }: Pick<Adaptation, 'curve' | 'bt'>,
  { colour, fontFamily }: ChartLook,
): EChartsCoreOption {
  const text = { color: colour('--text-quiet'), fontSize: FONT_PX, fontFamily }
  const line = { ...{ type: 'line', symbol: 'none', silent: true }, lineStyle: { width: 0 }, tooltip: { show: false } }
  const all = [...curve.flatMap(({ low, high }) => [low, high]), ...(bt ? [bt.acc] : [])]
  const [least, most] = [Math.floor(50 * Math.min(...all)) / 50, Math.ceil(50 * Math.max(...all)) / 50]
  return {
    animation: false,
    textStyle: text,
    grid: { left: 58, right: 16, top: 12, bottom: 40 },
    xAxis: {
      ...{ type: 'category', data: curve.map(({ k }) => String(k)), boundaryGap: false },
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
        const point = at && curve[at.dataIndex]
        if (!point) return ''
        return `k = ${point.k}: ${percent(point.acc)} (${percent(point.low)} – ${percent(point.high)})`
      },
    },
    series: [
      { ...line, stack: 'interval', stackStrategy: 'all', data: curve.map(({ low }) => low) },
      {
        ...{ ...line, stack: 'interval', stackStrategy: 'all', data: curve.map(({ low, high }) => high - low) },
        areaStyle: { color: colour('--series-train'), opacity: 0.18 },
      },
      {
        ...{ type: 'line', symbol: 'circle', symbolSize: 7, color: colour('--series-train') },
        ...{ data: curve.map(({ acc }) => acc), lineStyle: { width: 2 } },
      },
      ...(bt
        ? [
            {
              ...{ type: 'line', symbol: 'none', silent: true, color: colour('--series-val') },
              ...{ data: curve.map(() => bt.acc), lineStyle: { width: 1.5, type: 'dashed' } },
              endLabel: { ...text, show: true, formatter: 'bt', color: colour('--series-val'), offset: [-18, -8] },
            },
          ]
        : []),
    ],
  }
}
