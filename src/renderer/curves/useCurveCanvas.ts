import { LineChart } from 'echarts/charts'
import { DataZoomInsideComponent, GridComponent, MarkLineComponent, TooltipComponent } from 'echarts/components'
import { use, type EChartsCoreOption, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { onBeforeUnmount, type ShallowRef, type WatchSource } from 'vue'
import { useChartCanvas } from './useChartCanvas'

const ZOOM_SETTLES_MS = 150

/**
 * A chart of curves, which the wheel zooms into.
 *
 * @param option what is drawn; its font is the page's
 * @param onZoom gets what of the axis is shown, as it is labelled, once the wheel rests
 */
export function useCurveCanvas(
  canvas: Readonly<ShallowRef<HTMLElement | null>>,
  option: (fontFamily: string) => EChartsCoreOption,
  sources: WatchSource[],
  onZoom: (from: number, to: number) => void,
): ShallowRef<EChartsType | undefined> {
  use([LineChart, GridComponent, TooltipComponent, MarkLineComponent, DataZoomInsideComponent, CanvasRenderer])
  let settling: ReturnType<typeof setTimeout> | undefined
  const zoomed = (chart: EChartsType): void => {
    clearTimeout(settling)
    settling = setTimeout(() => {
      const zooms: unknown = Reflect.get(Object(chart.getOption()), 'dataZoom')
      const zoom: unknown = Array.isArray(zooms) ? zooms[0] : undefined
      const from: unknown = Reflect.get(Object(zoom), 'startValue')
      const to: unknown = Reflect.get(Object(zoom), 'endValue')
      if (typeof from === 'number' && typeof to === 'number') onZoom(from, to)
    }, ZOOM_SETTLES_MS)
  }
  onBeforeUnmount(() => clearTimeout(settling))
  return useChartCanvas(canvas, option, sources, (chart) => chart.on('datazoom', () => zoomed(chart)))
}
