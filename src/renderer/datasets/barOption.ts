import type { EChartsCoreOption } from 'echarts/core'
import { count } from './format'

export interface Bar {
  /** On the axis. */
  label: string
  value: number
  /** In words, for the table and the tooltip. */
  title: string
}

const FONT_PX = 11

/** Bars, calm: no animation, thin grid; a bar is as wide as its place so that a small one can be hit. */
export function barOption(
  bars: readonly Bar[],
  what: string,
  horizontal: boolean,
  colour: (property: string) => string,
  fontFamily: string,
): EChartsCoreOption {
  const text = { color: colour('--text-quiet'), fontSize: FONT_PX, fontFamily }
  const category = {
    type: 'category',
    data: bars.map(({ label }) => label),
    axisLabel: { ...text, hideOverlap: true, ...(horizontal && { width: 110, overflow: 'truncate' }) },
    axisTick: { show: false },
    axisLine: { lineStyle: { color: colour('--line-control') } },
    inverse: horizontal,
  }
  const value = {
    type: 'value',
    axisLabel: { ...text, hideOverlap: true, formatter: short },
    splitLine: { lineStyle: { color: colour('--line'), width: 1 } },
    splitNumber: 3,
    minInterval: 1,
  }
  return {
    animation: false,
    textStyle: text,
    grid: horizontal ? { left: 120, right: 24, top: 4, bottom: 22 } : { left: 46, right: 8, top: 8, bottom: 22 },
    xAxis: horizontal ? value : category,
    yAxis: horizontal ? category : value,
    tooltip: {
      trigger: 'axis',
      axisPointer: { type: 'shadow', shadowStyle: { color: colour('--hover'), opacity: 0.6 } },
      // Drawn on the canvas as well: an HTML tooltip would need inline styles, which the page's CSP refuses.
      renderMode: 'richText',
      confine: true,
      transitionDuration: 0,
      backgroundColor: colour('--surface'),
      borderColor: colour('--line-control'),
      borderWidth: 1,
      padding: 8,
      textStyle: { ...text, color: colour('--text'), fontSize: FONT_PX + 1 },
      formatter: (shown: { dataIndex: number }[]) => {
        const bar = bars[shown[0]?.dataIndex ?? -1]
        return bar ? `${plain(bar.title)}\n${count(bar.value)} ${what}` : ''
      },
    },
    series: [
      {
        type: 'bar',
        data: bars.map((bar) => bar.value),
        color: colour('--series-train'),
        barCategoryGap: bars.length > 12 ? '8%' : '18%',
        barMaxWidth: horizontal ? 14 : 64,
        cursor: 'pointer',
        emphasis: { itemStyle: { color: colour('--accent') } },
      },
    ],
  }
}

/** `{name|…}` is a style in a rich text of ECharts: data is no such thing. */
const plain = (text: string): string => text.replaceAll(/[{}|]/g, ' ')

function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`
  return value >= 10_000 ? `${Number((value / 1e3).toPrecision(3))}k` : count(value)
}
