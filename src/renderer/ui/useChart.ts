import { init, type EChartsCoreOption, type EChartsType } from 'echarts/core'
import { onBeforeUnmount, onMounted, shallowRef, watch, type Ref, type WatchSource } from 'vue'
import { useTheme } from '../stores/theme'

/** What a canvas cannot ask for itself. */
export interface ChartLook {
  /** The present colour of a custom property, such as `--text`. */
  colour: (property: string) => string
  fontFamily: string
}

/**
 * A chart on a canvas: made when its element is there, drawn again when a source or the theme changes, and as large as its element.
 *
 * @param probe an element without content, since a canvas knows no custom properties
 */
export function useChart(
  canvas: Readonly<Ref<HTMLElement | null>>,
  probe: Readonly<Ref<HTMLElement | null>>,
  option: (look: ChartLook) => EChartsCoreOption,
  sources: WatchSource[],
  onReady?: (chart: EChartsType) => void,
): { chart: Readonly<Ref<EChartsType | undefined>> } {
  const theme = useTheme()
  const chart = shallowRef<EChartsType>()

  function colour(property: string): string {
    if (!probe.value) return ''
    probe.value.style.color = `var(${property})`
    return getComputedStyle(probe.value).color
  }
  function draw(): void {
    const { fontFamily } = getComputedStyle(document.body)
    chart.value?.setOption(option({ colour, fontFamily }), { notMerge: true })
  }

  const observer = new ResizeObserver(() => chart.value?.resize())
  onMounted(() => {
    if (!canvas.value) return
    chart.value = init(canvas.value, null, { renderer: 'canvas' })
    observer.observe(canvas.value)
    draw()
    onReady?.(chart.value)
  })
  onBeforeUnmount(() => {
    observer.disconnect()
    chart.value?.dispose()
  })
  watch([...sources, () => theme.shown], draw)
  return { chart }
}
