import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { RequestOutput } from '../../shared/api/requests'
import type { MetricBatch } from '../../shared/domain/metric'
import type { RunRow } from '../../shared/domain/runTable'
import { client } from '../api/client'
import { cellNames, DEFAULT_COLUMNS, storedColumns, storeColumns } from '../runs/columns'
import { oneAtATime } from './oneAtATime'
import { useWorkspace } from './workspace'
import { withFigures } from '../runs/liveRow'

/** Live figures reach the table this often at most: nobody reads faster, and a table of 10,000 rows is sorted anew. */
const FLUSH_MS = 400
/** A folder in which much happens is asked for again at most this often. */
const REFRESH_MS = 1000

/** The runs of the log folder, and those in its trash. */
export const useRuns = defineStore('runs', () => {
  const workspace = useWorkspace()
  const all = shallowRef<readonly RunRow[]>([])
  const unreadable = shallowRef<RequestOutput<'runs.table'>['unreadable']>([])
  const trashed = ref(0)
  const loaded = ref(false)
  /** The table shows the trash. */
  const trash = ref(false)
  const columns = ref<readonly string[]>(storedColumns())
  const names = shallowRef<RequestOutput<'runs.names'>>({ columns: [], metrics: [], params: [] })
  const selectedId = ref<string>()

  const byId = computed(() => new Map(all.value.map((row) => [row.id, row])))
  const selected = computed(() => (selectedId.value === undefined ? undefined : byId.value.get(selectedId.value)))
  const cells = computed(() => cellNames(columns.value))

  const refresh = oneAtATime(async () => {
    const asked = { columns: [...cells.value], trash: trash.value }
    const answer = await client.request('runs.table', asked)
    // The question may have changed meanwhile; the next answer is on its way then.
    if (asked.trash !== trash.value || asked.columns.join() !== cells.value.join()) return
    all.value = answer.rows
    unreadable.value = answer.unreadable
    trashed.value = answer.trashed
    loaded.value = answer.rows.length > 0 || !answer.reading
  }, workspace.report)

  const refreshNames = oneAtATime(async () => {
    const found = await client.request('runs.names', {})
    // The same names make no column anew.
    if (JSON.stringify(found) !== JSON.stringify(names.value)) names.value = found
  }, workspace.report)

  let timer: ReturnType<typeof setTimeout> | undefined
  let lastRefresh = -Infinity
  /** At once, or as soon as the last time is long enough ago. */
  function refreshSoon(): void {
    if (timer !== undefined) return
    const wait = Math.max(0, lastRefresh + REFRESH_MS - performance.now())
    timer = setTimeout(() => {
      timer = undefined
      lastRefresh = performance.now()
      refresh()
      refreshNames()
    }, wait)
  }

  function setColumns(next: readonly string[]): void {
    columns.value = next.length > 0 ? next : DEFAULT_COLUMNS
    storeColumns(columns.value)
  }

  function patch(id: string, change: Partial<RunRow>): void {
    all.value = all.value.map((row) => (row.id === id ? { ...row, ...change } : row))
  }

  const arrived = new Map<string, MetricBatch[]>()
  let flushing: ReturnType<typeof setTimeout> | undefined
  function flush(): void {
    flushing = undefined
    const figures = new Map(arrived)
    arrived.clear()
    all.value = all.value.map((row) => {
      const batches = figures.get(row.id)
      return batches ? withFigures(row, cells.value, batches) : row
    })
  }

  watch([cells, trash], () => refresh())
  watch(
    () => workspace.connection,
    (state) => {
      if (state !== 'open') return
      refresh()
      refreshNames()
    },
    { immediate: true },
  )
  client.on('runs.changed', () => refreshSoon())
  client.on('run.status', ({ runId, status, reason }) => {
    if (byId.value.has(runId)) patch(runId, { status, reason })
    else refreshSoon()
  })
  client.on('run.metrics', ({ runId, batches }) => {
    if (!byId.value.has(runId)) return
    if (batches === null) return refreshSoon()
    const known = arrived.get(runId)
    if (known) known.push(...batches)
    else arrived.set(runId, [...batches])
    flushing ??= setTimeout(flush, FLUSH_MS)
  })

  return {
    all,
    byId,
    unreadable,
    trashed,
    loaded,
    trash,
    columns,
    cells,
    names,
    selectedId,
    selected,
    patch,
    setColumns,
    refresh,
    refreshNames,
  }
})
