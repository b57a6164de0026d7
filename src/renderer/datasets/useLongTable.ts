import { computed, onBeforeUnmount, onMounted, ref, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import type { RowWindow } from './rowWindow'
import { ROW_PX, ScrollMap } from './scrollMap'

export interface LongTable<Row> {
  /** Rows in all. */
  total: Ref<number>
  /** The first row on the screen, with its fraction that is beyond the edge. */
  top: Ref<number>
  /** Place of the row that the keyboard is at. */
  cursor: Ref<number>
  /** Counts pages that have come: rows are not reactive by themselves. */
  arrived: Ref<number>
  map: ComputedRef<ScrollMap>
  shown: ComputedRef<{ index: number; row: Row | undefined }[]>
  /** How far the shown rows stand above their place. */
  shiftPx: ComputedRef<number>
  look(): void
  goTo(top: number): void
  /** Scrolls as little as shows the row. */
  reveal(index: number): void
  toStart(): void
  onScroll(): void
  onWheel(event: WheelEvent): void
  /** Where a key leads, within the table; undefined for one that moves nothing. */
  placeOf(event: KeyboardEvent): number | undefined
}

/**
 * A table of any number of rows, of which only those on the screen exist.
 *
 * @param scroller the element that scrolls; its first row is the header
 * @param begin called once it stands
 */
export function useLongTable<Page extends { rows: readonly unknown[] }>(
  scroller: Readonly<ShallowRef<HTMLElement | null>>,
  loaded: RowWindow<Page>,
  begin: () => void,
): LongTable<Page['rows'][number]> {
  const viewPx = ref(400)
  const top = ref(0)
  const total = ref(0)
  const cursor = ref(0)
  const arrived = ref(0)

  const map = computed(() => new ScrollMap(total.value, viewPx.value))
  const first = computed(() => Math.floor(top.value))
  const shown = computed(() => {
    // Read for its changes alone.
    void arrived.value
    const end = Math.min(total.value, first.value + Math.ceil(map.value.visible) + 1)
    return Array.from({ length: Math.max(0, end - first.value) }, (_, at) => ({
      index: first.value + at,
      row: loaded.at(first.value + at),
    }))
  })
  const shiftPx = computed(() => -(top.value - first.value) * ROW_PX)

  function look(): void {
    loaded.look(first.value, first.value + Math.ceil(map.value.visible) + 1)
  }
  function goTo(to: number): void {
    top.value = map.value.clamp(to)
    if (scroller.value) scroller.value.scrollTop = map.value.scrollOf(top.value)
    look()
  }
  function reveal(index: number): void {
    const visible = Math.floor(map.value.visible) - 1
    if (index < top.value) goTo(index)
    else if (index > top.value + visible - 1) goTo(index - visible + 1)
  }
  function toStart(): void {
    top.value = 0
    if (scroller.value) scroller.value.scrollTop = 0
    look()
  }
  function onScroll(): void {
    if (!scroller.value) return
    // Our own scrolling rounds to a pixel, which may stand for many rows.
    if (Math.abs(map.value.scrollOf(top.value) - scroller.value.scrollTop) < 1) return
    top.value = map.value.topOf(scroller.value.scrollTop)
    look()
  }
  /** Beyond what a scroll bar can tell apart the wheel still moves by rows. */
  function onWheel(event: WheelEvent): void {
    if (!map.value.scaled || event.ctrlKey || event.shiftKey || event.deltaX !== 0) return
    event.preventDefault()
    // Pixels, lines or screens.
    const rows = [event.deltaY / ROW_PX, event.deltaY, event.deltaY * map.value.visible][event.deltaMode] ?? 0
    goTo(top.value + rows)
  }
  function placeOf(event: KeyboardEvent): number | undefined {
    const page = Math.max(1, Math.floor(map.value.visible) - 2)
    const moves: Record<string, number> = {
      ...{ ArrowDown: cursor.value + 1, ArrowUp: cursor.value - 1, Home: 0, End: total.value - 1 },
      ...{ PageDown: cursor.value + page, PageUp: cursor.value - page },
    }
    const to = moves[event.key]
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return undefined
    return Math.max(0, Math.min(total.value - 1, to))
  }

  const resized = new ResizeObserver(([entry]) => {
    if (!entry) return
    viewPx.value = Math.max(ROW_PX, entry.contentRect.height - ROW_PX)
    goTo(top.value)
  })
  onMounted(() => {
    if (scroller.value) resized.observe(scroller.value)
    begin()
  })
  onBeforeUnmount(() => resized.disconnect())

  return {
    ...{ total, top, cursor, arrived, map, shown, shiftPx },
    ...{ look, goTo, reveal, toStart, onScroll, onWheel, placeOf },
  }
}
