import type { EChartsCoreOption, EChartsType } from 'echarts/core'
import { onMounted, type ShallowRef, type WatchSource } from 'vue'
import { useChartCanvas } from './useChartCanvas'

/** What a canvas cannot ask for itself. */
export interface ChartLook {
  /** The present colour of a custom property, such as `--text`. */
  colour: (property: string) => string
  fontFamily: string
}

/**
 * A chart whose colours are the page's.
 *
 * @param probe an element without content, since a canvas knows no custom properties
 * @param onReady once it has been drawn for the first time
 */
export function useChart(
  canvas: Readonly<ShallowRef<HTMLElement | null>>,
  probe: Readonly<ShallowRef<HTMLElement | null>>,
  option: (look: ChartLook) => EChartsCoreOption,
  sources: WatchSource[],
  onReady?: (chart: EChartsType) => void,
): ShallowRef<EChartsType | undefined> {
  function colour(property: string): string {
    if (!probe.value) return ''
    probe.value.style.color = `var(${property})`
    return getComputedStyle(probe.value).color
  }
  const chart = useChartCanvas(canvas, (fontFamily) => option({ colour, fontFamily }), sources)
  onMounted(() => chart.value && onReady?.(chart.value))
  return chart
}
