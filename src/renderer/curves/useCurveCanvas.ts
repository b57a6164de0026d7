import { LineChart } from 'echarts/charts'
import { DataZoomInsideComponent, GridComponent, MarkLineComponent, TooltipComponent } from 'echarts/components'
import { use, type EChartsCoreOption, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { onBeforeUnmount, type ShallowRef, type WatchSource } from 'vue'
import { keyZoom, type Span } from './keyZoom'
import { useChartCanvas } from '../ui/useChartCanvas'

const ZOOM_SETTLES_MS = 150

interface Zooming {
  /** Whether a part of the axis is shown. */
  zoomed: () => boolean
  log: () => boolean
  /** What of the axis is to be shown, as it is labelled, once the wheel rests or a key is pressed. */
  onZoom: (from: number, to: number) => void
  onAll: () => void
}

/**
 * A chart of curves, which the wheel zooms into, and keys while it has the focus.
 *
 * @param option what is drawn; its font is the page's
 */
export function useCurveCanvas(
  canvas: Readonly<ShallowRef<HTMLElement | null>>,
  option: (fontFamily: string) => EChartsCoreOption,
  sources: WatchSource[],
  { zoomed: isZoomed, log, onZoom, onAll }: Zooming,
): { chart: ShallowRef<EChartsType | undefined>; onKey: (event: KeyboardEvent) => void } {
  use([LineChart, GridComponent, TooltipComponent, MarkLineComponent, DataZoomInsideComponent, CanvasRenderer])
  let settling: ReturnType<typeof setTimeout> | undefined
  const wheeled = (chart: EChartsType): void => {
    clearTimeout(settling)
    settling = setTimeout(() => {
      const span = spanOf(chart, 'dataZoom', 'startValue', 'endValue')
      if (span) onZoom(...span)
    }, ZOOM_SETTLES_MS)
  }
  onBeforeUnmount(() => clearTimeout(settling))
  const chart = useChartCanvas(canvas, option, sources, (made) => made.on('datazoom', () => wheeled(made)))

  /** Of the axis when all of it was shown: what is zoomed into knows only itself. */
  let whole: Span | undefined
  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || !chart.value) return
    const shown = spanOf(chart.value, 'xAxis', 'min', 'max')
    if (!shown) return
    if (!isZoomed() || !whole) whole = shown
    const next = keyZoom(event.key, shown, whole, log())
    if (!next) return
    event.preventDefault()
    if (next !== whole) onZoom(...next)
    else if (isZoomed()) onAll()
  }
  return { chart, onKey }
}

/** Two numbers of the first of a chart's parts. */
function spanOf(chart: EChartsType, part: string, from: string, to: string): Span | undefined {
  const parts: unknown = Reflect.get(Object(chart.getOption()), part)
  const first: unknown = Object(Array.isArray(parts) ? parts[0] : undefined)
  const [low, high]: unknown[] = [from, to].map((name) => Reflect.get(Object(first), name))
  return typeof low === 'number' && typeof high === 'number' ? [low, high] : undefined
}
