import { init, type EChartsCoreOption, type EChartsType } from 'echarts/core'
import { onBeforeUnmount, onMounted, shallowRef, watch, type ShallowRef, type WatchSource } from 'vue'
import { useTheme } from '../stores/theme'

/**
 * A chart on a canvas: drawn anew when what it shows, its size or the theme changes.
 *
 * @param option what is drawn; its font is the page's
 * @param onInit listens to the chart
 * @param onDrawn whenever it has been drawn, in another size too
 */
export function useChartCanvas(
  canvas: Readonly<ShallowRef<HTMLElement | null>>,
  option: (fontFamily: string) => EChartsCoreOption,
  sources: WatchSource[],
  onInit?: (chart: EChartsType) => void,
  onDrawn?: (chart: EChartsType) => void,
): ShallowRef<EChartsType | undefined> {
  const theme = useTheme()
  const chart = shallowRef<EChartsType>()
  const draw = (): void => {
    if (!chart.value) return
    chart.value.setOption(option(getComputedStyle(document.body).fontFamily), { notMerge: true })
    onDrawn?.(chart.value)
  }
  const observer = new ResizeObserver(() => {
    const [drawn, element] = [chart.value, canvas.value]
    // An observer tells the first size too, in which everything has just been drawn.
    if (!drawn || !element) return
    if (drawn.getWidth() === element.clientWidth && drawn.getHeight() === element.clientHeight) return
    drawn.resize()
    onDrawn?.(drawn)
  })
  onMounted(() => {
    if (!canvas.value) return
    // A chart that is larger than its place, until it hears of that, would make scrollbars, which make its place smaller still.
    canvas.value.style.overflow = 'hidden'
    chart.value = init(canvas.value, null, { renderer: 'canvas' })
    onInit?.(chart.value)
    observer.observe(canvas.value)
    draw()
  })
  onBeforeUnmount(() => {
    observer.disconnect()
    chart.value?.dispose()
  })
  watch([...sources, () => theme.shown], draw)
  return chart
}
