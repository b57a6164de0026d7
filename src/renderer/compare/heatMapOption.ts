import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemReturn } from 'echarts/types/dist/shared'
import type { EChartsCoreOption } from 'echarts/core'
import { formatFigure } from '../runs/format'
import type { TokenReader } from '../ui/tokens'
import type { FieldMap } from './fields'

const COLUMN_PX = 96
const ROW_PX = 34
const NAMES_PX = 150
const HEAD_PX = 46

/** How much of the colour a mean has, in percent: so little that text reads on it in both themes. */
export function shadeOf(mean: number, [low, high]: readonly [number, number]): number {
  return Math.round(6 + 34 * (high > low ? (mean - low) / (high - low) : 0.5))
}

export function heatMapSize({ rows, columns }: FieldMap): { width: number; height: number } {
  return { width: NAMES_PX + COLUMN_PX * columns.length + 16, height: HEAD_PX + ROW_PX * rows.length + 16 }
}

export interface HeatMapPicture {
  map: FieldMap
  /** Lowest and highest mean. */
  extent: readonly [number, number]
  best: number | undefined
  /** Names of what goes down and across. */
  down: string
  across: string
}

/** The table of a heat map as a picture. */
export function heatMapOption(picture: HeatMapPicture, token: TokenReader, fontFamily: string): EChartsCoreOption {
  const { map, extent, best, down, across } = picture
  const text = { color: token('--text'), fontSize: 12, fontFamily }
  const cells = map.cells.flatMap((line, row) =>
    line.flatMap((cell, column) => (cell ? [{ value: [column, row], ...cell }] : [])),
  )
  const axis = (data: readonly string[], name: string) => ({
    ...{ type: 'category', data: [...data], name, nameTextStyle: { ...text, color: token('--text-quiet') } },
    ...{ axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false } },
    axisLabel: { ...text, width: NAMES_PX - 20, overflow: 'truncate', interval: 0 },
  })
  return {
    animation: false,
    textStyle: text,
    grid: { left: NAMES_PX, right: 16, top: HEAD_PX, bottom: 16 },
    xAxis: { ...axis(map.columns, across), position: 'top', nameLocation: 'middle', nameGap: 26 },
    yAxis: {
      ...{ ...axis(map.rows, down), inverse: true, nameLocation: 'start', nameGap: 14 },
      nameTextStyle: { ...text, color: token('--text-quiet'), align: 'right', padding: [0, 8, 0, 0] },
    },
    series: {
      type: 'custom',
      data: cells,
      renderItem: (
        { dataIndex }: { dataIndex: number },
        api: CustomSeriesRenderItemAPI,
      ): CustomSeriesRenderItemReturn => {
        const cell = cells[dataIndex]
        const [x = 0, y = 0] = api.coord(cell?.value ?? [0, 0])
        const weight = cell?.mean === best ? ('bold' as const) : ('normal' as const)
        return {
          type: 'group',
          children: [
            {
              type: 'rect',
              shape: { x: x - COLUMN_PX / 2, y: y - ROW_PX / 2, width: COLUMN_PX, height: ROW_PX },
              style: {
                fill: token('--series-train'),
                opacity: shadeOf(cell?.mean ?? 0, extent) / 100,
                stroke: token('--surface'),
              },
            },
            {
              type: 'text',
              style: {
                ...{ text: formatFigure(cell?.mean ?? NaN), x: x - 8, y, align: 'center', verticalAlign: 'middle' },
                ...{ fill: text.color, fontSize: 12, fontFamily, fontWeight: weight },
              },
            },
            {
              type: 'text',
              style: {
                ...{ text: `n ${cell?.n}`, x: x + 18, y, align: 'left', verticalAlign: 'middle' },
                ...{ fill: text.color, fontSize: 11, fontFamily },
              },
            },
          ],
        }
      },
    },
  }
}
