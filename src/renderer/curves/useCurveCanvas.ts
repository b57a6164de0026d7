import { LineChart } from 'echarts/charts'
import { DataZoomInsideComponent, GridComponent, MarkLineComponent, TooltipComponent } from 'echarts/components'
import { init, use, type EChartsCoreOption, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { onBeforeUnmount, onMounted, shallowRef, watch, type ShallowRef, type WatchSource } from 'vue'
import { useTheme } from '../stores/theme'

const ZOOM_SETTLES_MS = 150

/**
 * A chart of curves on a canvas: drawn anew when what it shows, its size or the theme changes.
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
  const theme = useTheme()
  const chart = shallowRef<EChartsType>()
  const draw = (): void =>
    chart.value?.setOption(option(getComputedStyle(document.body).fontFamily), { notMerge: true })

  let settling: ReturnType<typeof setTimeout> | undefined
  function zoomed(): void {
    clearTimeout(settling)
    settling = setTimeout(() => {
      const zooms: unknown = Reflect.get(Object(chart.value?.getOption()), 'dataZoom')
      const zoom: unknown = Array.isArray(zooms) ? zooms[0] : undefined
      const from: unknown = Reflect.get(Object(zoom), 'startValue')
      const to: unknown = Reflect.get(Object(zoom), 'endValue')
      if (typeof from === 'number' && typeof to === 'number') onZoom(from, to)
    }, ZOOM_SETTLES_MS)
  }

  const observer = new ResizeObserver(() => chart.value?.resize())
  onMounted(() => {
    if (!canvas.value) return
    chart.value = init(canvas.value, null, { renderer: 'canvas' })
    chart.value.on('datazoom', zoomed)
    observer.observe(canvas.value)
    draw()
  })
  onBeforeUnmount(() => {
    clearTimeout(settling)
    observer.disconnect()
    chart.value?.dispose()
  })
  watch([...sources, () => theme.shown], draw)
  return chart
}
