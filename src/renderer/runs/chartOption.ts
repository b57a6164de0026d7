import type { EChartsCoreOption } from 'echarts/core'
import { formatFigure } from './format'
import type { Series } from './series'

const FONT_PX = 11

/** Curves over epochs, calm: no animation, thin grid, the ends of both axes labelled. */
export function chartOption(
  series: readonly Series[],
  bestEpoch: number | undefined,
  colour: (property: string) => string,
  fontFamily: string,
): EChartsCoreOption {
  const lastEpoch = Math.max(2, ...series.flatMap(({ points }) => points.at(-1)?.[0] ?? 0))
  const text = { color: colour('--text-quiet'), fontSize: FONT_PX, fontFamily }
  const line = { color: colour('--line'), width: 1 }
  const axis = { axisLabel: { ...text, hideOverlap: true, showMinLabel: true, showMaxLabel: true } }
  return {
    animation: false,
    textStyle: text,
    grid: { left: 52, right: 16, top: 12, bottom: 24 },
    xAxis: {
      ...axis,
      type: 'value',
      min: 1,
      max: lastEpoch,
      minInterval: 1,
      axisLine: { lineStyle: { color: colour('--line-control') } },
      splitLine: { show: false },
    },
    yAxis: {
      ...axis,
      type: 'value',
      scale: true,
      splitNumber: 4,
      axisLabel: { ...axis.axisLabel, formatter: axisFigure },
      splitLine: { lineStyle: line },
    },
    // Drawn on the canvas as well: an HTML tooltip would need inline styles, which the page's CSP refuses.
    tooltip: {
      trigger: 'axis',
      renderMode: 'richText',
      confine: true,
      transitionDuration: 0,
      backgroundColor: colour('--surface'),
      borderColor: colour('--line-control'),
      borderWidth: 1,
      padding: 8,
      textStyle: { ...text, color: colour('--text'), fontSize: FONT_PX + 1 },
      axisPointer: { type: 'line', lineStyle: { color: colour('--line-control'), type: 'solid' } },
      formatter: (shown: { axisValue: number; seriesName: string; value: [number, number] }[]) =>
        [
          `epoch ${shown[0]?.axisValue}`,
          ...shown.map((one) => `${one.seriesName}  ${formatFigure(one.value[1])}`),
        ].join('\n'),
    },
    series: series.map(({ name, points, dashed, colour: property }, index) => ({
      name,
      type: 'line',
      data: points,
      showSymbol: points.length === 1,
      symbol: dashed ? 'emptyCircle' : 'circle',
      symbolSize: 5,
      color: colour(property),
      lineStyle: { width: 1.8, type: dashed ? [5, 3] : 'solid' },
      emphasis: { disabled: true },
      ...(index === 0 && bestEpoch !== undefined && { markLine: bestMark(bestEpoch, text, colour) }),
    })),
  }
}

function bestMark(epoch: number, text: object, colour: (property: string) => string): object {
  return {
    silent: true,
    symbol: 'none',
    data: [{ xAxis: epoch }],
    lineStyle: { color: colour('--text-faint'), width: 1, type: [2, 3] },
    label: { ...text, formatter: 'best', position: 'insideEndTop', rotate: 0, distance: 3 },
  }
}

function axisFigure(value: number): string {
  return Number(value.toPrecision(4)).toString()
}
