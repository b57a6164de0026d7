import type { EChartsCoreOption } from 'echarts/core'
import type { ReliabilityBin } from '../../shared/domain/evaluation'

const FONT_PX = 11

/** Share right against mean confidence, bin by bin, and the diagonal on which both are equal. */
export function reliabilityOption(
  bins: readonly ReliabilityBin[],
  colour: (property: string) => string,
  fontFamily: string,
): EChartsCoreOption {
  const text = { color: colour('--text-quiet'), fontSize: FONT_PX, fontFamily }
  const least = Math.min(0.5, ...bins.map(({ accuracy }) => Math.floor(10 * accuracy) / 10))
  const axis = (name: string, min: number) => ({
    ...{ type: 'value', name, min, max: 1, nameLocation: 'middle', nameTextStyle: text, axisLabel: text },
    splitLine: { lineStyle: { color: colour('--line'), width: 1 } },
    axisLine: { show: true, lineStyle: { color: colour('--line-control') } },
  })
  return {
    animation: false,
    textStyle: text,
    grid: { left: 52, right: 12, top: 10, bottom: 40 },
    xAxis: { ...axis('confidence', 0.5), nameGap: 24 },
    yAxis: { ...axis('share right', least), nameGap: 36 },
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
      formatter: ({ dataIndex }: { dataIndex: number }) => {
        const bin = bins[dataIndex]
        if (!bin) return ''
        const share = (value: number): string => `${(100 * value).toFixed(1)} %`
        return [
          `confidence ${share(bin.from)} to ${share(bin.to)}, mean ${share(bin.confidence)}`,
          `${share(bin.accuracy)} of ${bin.pairs.toLocaleString('en')} pairs right`,
          'click: its pairs',
        ].join('\n')
      },
    },
    series: [
      {
        ...{ type: 'line', symbol: 'none', silent: true },
        data: [
          [0.5, 0.5],
          [1, 1],
        ],
        lineStyle: { color: colour('--text-faint'), width: 1, type: 'dashed' },
      },
      {
        ...{ type: 'line', symbol: 'circle', symbolSize: 9, cursor: 'pointer', color: colour('--series-train') },
        data: bins.map(({ confidence, accuracy }) => [confidence, accuracy]),
        lineStyle: { width: 1.5 },
      },
    ],
  }
}
