import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { isActive } from '../../shared/domain/lifecycle'
import type { RunRow } from '../../shared/domain/runTable'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { grouped, isExpression, matching, sorted, type Line, type Sort } from '../runs/arrange'
import { columnOf, type Column } from '../runs/columns'
import { useRuns } from './runs'

const FILTER_DELAY_MS = 200

/** What of the runs is shown, in which order, and what is ticked. It outlives the page, so that coming back finds it as it was. */
export const useRunView = defineStore('run-view', () => {
  const runs = useRuns()
  const filter = ref('')
  const filterError = ref('')
  const sort = ref<Sort>({ column: 'created', descending: true })
  const groupBy = ref<string>()
  const closed = ref<ReadonlySet<string>>(new Set())
  const checked = ref<ReadonlySet<string>>(new Set())
  const now = ref(Date.now())
  /** Ids that the filter's expression lets through; undefined without one. */
  const letThrough = shallowRef<ReadonlySet<string>>()

  const metrics = computed(() => new Set(runs.names.metrics))
  const column = (key: string): Column => columnOf(key, runs.cells, metrics.value, runs.all)
  const columns = computed(() => runs.columns.map(column))

  const kept = computed(() => {
    const ids = letThrough.value
    if (ids) return runs.all.filter(({ id }) => ids.has(id))
    return isExpression(filter.value) ? runs.all : matching(runs.all, filter.value)
  })
  const rows = computed(() => sorted(kept.value, column(sort.value.column), sort.value.descending, now.value))
  const lines = computed<Line[]>(() =>
    groupBy.value === undefined
      ? rows.value.map((row) => ({ kind: 'run', row }))
      : grouped(rows.value, column(groupBy.value), closed.value, now.value),
  )
  /** In the order of the table; only those that are still there. */
  const checkedRows = computed(() => rows.value.filter(({ id }) => checked.value.has(id)))

  let timer: ReturnType<typeof setTimeout> | undefined
  function applyFilter(): void {
    clearTimeout(timer)
    if (!isExpression(filter.value)) {
      letThrough.value = undefined
      filterError.value = ''
      return
    }
    timer = setTimeout(() => void match(), FILTER_DELAY_MS)
  }

  async function match(): Promise<void> {
    const asked = filter.value
    try {
      const { ids } = await client.request('runs.match', { filter: asked, trash: runs.trash })
      if (asked !== filter.value) return
      letThrough.value = new Set(ids)
      filterError.value = ''
    } catch (thrown) {
      // A half-written expression keeps what was shown before.
      if (asked === filter.value) filterError.value = AppError.from(thrown).message
    }
  }

  function sortBy(key: string): void {
    const same = sort.value.column === key
    sort.value = { column: key, descending: same ? !sort.value.descending : column(key).descendingFirst }
  }

  function toggleGroup(name: string): void {
    const next = new Set(closed.value)
    if (!next.delete(name)) next.add(name)
    closed.value = next
  }

  function check(ids: readonly string[], on: boolean): void {
    const next = new Set(checked.value)
    for (const id of ids) {
      if (on) next.add(id)
      else next.delete(id)
    }
    checked.value = next
  }

  /** Adds a condition to the filter, as a click on a value does. */
  function narrow(condition: string): void {
    const before = isExpression(filter.value) ? filter.value.trim() : ''
    filter.value = before === '' ? condition : `${before} and ${condition}`
  }

  watch(filter, applyFilter)
  watch(
    () => runs.all,
    (next: readonly RunRow[], before: readonly RunRow[]) => {
      // Figures that move may pass the filter or no longer; new runs as well.
      if (letThrough.value && (next.length !== before.length || next.some(({ status }) => isActive(status))))
        applyFilter()
      const ids = new Set(next.map(({ id }) => id))
      if ([...checked.value].some((id) => !ids.has(id)))
        checked.value = new Set([...checked.value].filter((id) => ids.has(id)))
    },
  )
  watch(
    () => runs.trash,
    () => {
      checked.value = new Set()
      applyFilter()
    },
  )
  watch(groupBy, () => (closed.value = new Set()))

  return {
    filter,
    filterError,
    sort,
    groupBy,
    closed,
    checked,
    now,
    columns,
    rows,
    lines,
    checkedRows,
    column,
    sortBy,
    toggleGroup,
    check,
    narrow,
  }
})
