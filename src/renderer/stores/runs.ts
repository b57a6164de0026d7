import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { RequestOutput, RunSummary } from '../../shared/api/requests'
import { client } from '../api/client'
import { arrange, type Sort } from '../runs/arrange'
import { COLUMNS, type ColumnKey } from '../runs/columns'
import { continued } from './liveHistory'
import { useWorkspace } from './workspace'

type Listing = RequestOutput<'runs.list'>

export const useRuns = defineStore('runs', () => {
  const workspace = useWorkspace()
  const all = shallowRef<Listing['runs']>([])
  const unreadable = shallowRef<Listing['unreadable']>([])
  const loaded = ref(false)
  const filter = ref('')
  const sort = ref<Sort>({ column: 'created', descending: true })
  const selectedId = ref<string>()
  const detail = shallowRef<RequestOutput<'runs.get'>>()

  const shown = computed(() => arrange(all.value, filter.value, sort.value))
  const selected = computed(() => all.value.find(({ id }) => id === selectedId.value))

  const refresh = oneAtATime(async () => {
    const listing = await client.request('runs.list', {})
    all.value = listing.runs
    unreadable.value = listing.unreadable
    loaded.value = true
    if (selected.value === undefined) selectedId.value = shown.value[0]?.id
    else refreshDetail()
  }, workspace.report)

  const refreshDetail = oneAtATime(async () => {
    const id = selectedId.value
    const found = id === undefined ? undefined : await client.request('runs.get', { id })
    // The arrow keys may have moved on meanwhile.
    if (id === selectedId.value) detail.value = found
  }, workspace.report)

  function select(run: RunSummary | undefined): void {
    if (run) selectedId.value = run.id
  }

  function sortBy(column: ColumnKey): void {
    const same = sort.value.column === column
    sort.value = { column, descending: same ? !sort.value.descending : COLUMNS[column].descendingFirst }
  }

  watch(selectedId, refreshDetail)
  watch(
    () => workspace.connection,
    (state) => state === 'open' && refresh(),
    { immediate: true },
  )
  client.on('runs.changed', refresh)
  client.on('run.status', ({ runId, status, reason }) => {
    all.value = all.value.map((run) => (run.id === runId ? { ...run, status, reason } : run))
  })
  client.on('run.metrics', (event) => {
    const known = detail.value
    if (known?.run.id !== event.runId) return
    const next = continued(known, event)
    if (next) detail.value = next
    else refreshDetail()
  })

  return { all, shown, unreadable, loaded, filter, sort, selectedId, selected, detail, select, sortBy }
})

/** Runs `work`; calls during a run lead to exactly one more run after it. */
function oneAtATime(work: () => Promise<void>, report: (error: unknown) => void): () => void {
  let running = false
  let again = false
  const start = (): void => {
    if (running) {
      again = true
      return
    }
    running = true
    work()
      .catch(report)
      .finally(() => {
        running = false
        if (!again) return
        again = false
        start()
      })
  }
  return start
}
