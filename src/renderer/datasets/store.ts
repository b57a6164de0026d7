import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { DatasetCheck, DatasetEntry, DatasetFilter, DatasetWork } from '../../shared/domain/datasets'
import type { RequestOutput } from '../../shared/api/requests'
import type { SplitName } from '../../shared/domain/dataset'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { useWorkspace } from '../stores/workspace'

export type Stats = RequestOutput<'datasets.stats'>
export const TABS = ['overview', 'problems', 'rows', 'files'] as const
export type Tab = (typeof TABS)[number]

/** What the Rows tab shows. */
export interface View {
  split: SplitName
  search: string
  filters: DatasetFilter[]
  sort: { column: string; descending: boolean } | null
}

/** Larger ones are read when their rows are asked for. */
const MOST_WARM_BYTES = 64 << 20

export const useDatasets = defineStore('datasets', () => {
  const workspace = useWorkspace()
  const all = shallowRef<readonly DatasetEntry[]>([])
  const folder = ref('')
  const loaded = ref(false)
  const selectedKey = ref<string>()
  const tab = ref<Tab>('overview')
  const check = shallowRef<DatasetCheck>()
  const stats = shallowRef<Stats>()
  /** Why there are no figures; shown where they would be. */
  const checkError = shallowRef<AppError>()
  const statsError = shallowRef<AppError>()
  const works = shallowRef<ReadonlyMap<string, DatasetWork>>(new Map())
  const view = shallowRef<View>({ split: 'train', search: '', filters: [], sort: null })
  /** The row in the detail pane, by its number in the file. */
  const row = ref<number>()
  /** Raised by whoever wants the table to show `row`. */
  const jumps = ref(0)

  const selected = computed(() => all.value.find(({ key }) => key === selectedKey.value))
  const splits = computed(() => selected.value?.splits.map(({ split }) => split) ?? [])
  const placeOf = (key: string, kind: string): string => `${kind} ${key}`

  let loading: Promise<void> | undefined
  let again = false
  /** Calls during one lead to exactly one more. */
  function refresh(): Promise<void> {
    again = true
    loading ??= load().finally(() => (loading = undefined))
    return loading
  }

  async function load(): Promise<void> {
    while (again) {
      again = false
      try {
        const list = await client.request('datasets.list', {})
        all.value = list.datasets
        folder.value = list.folder
        works.value = new Map([
          // A session that reads rows is told by events alone.
          ...[...works.value].filter(([, work]) => work.kind === 'open'),
          ...list.datasets.flatMap(({ work }) => work.map((one) => [placeOf(one.key, one.kind), one] as const)),
        ])
        loaded.value = true
      } catch (error) {
        workspace.report(error)
      }
    }
  }

  function work(key: string | undefined, kind: DatasetWork['kind']): DatasetWork | undefined {
    return key === undefined ? undefined : works.value.get(placeOf(key, kind))
  }

  async function select(key: string | undefined): Promise<void> {
    if (key === selectedKey.value) return
    selectedKey.value = key
    check.value = stats.value = checkError.value = statsError.value = undefined
    row.value = undefined
    view.value = { split: 'train', search: '', filters: [], sort: null }
    tab.value = 'overview'
    await examine(false)
  }

  /** Has it checked and described; both are instant where nothing has changed. */
  async function examine(afresh: boolean): Promise<void> {
    const key = selectedKey.value
    const entry = selected.value
    if (key === undefined || !entry || entry.state === 'broken') return
    const mine = (): boolean => key === selectedKey.value
    // The figures first: they are what is looked at first.
    const describing = entry.splits.some(({ pairs }) => pairs.bytes === null)
      ? Promise.resolve()
      : client.request('datasets.stats', { key, again: afresh }).then(
          (found) => {
            if (mine()) [stats.value, statsError.value] = [found, undefined]
          },
          (error: unknown) => {
            if (mine()) statsError.value = AppError.from(error)
          },
        )
    const checking = client.request('datasets.check', { key, again: afresh }).then(
      (found) => {
        if (mine()) [check.value, checkError.value] = [found, undefined]
      },
      (error: unknown) => {
        if (mine()) checkError.value = AppError.from(error)
      },
    )
    if (!afresh) void warm(entry)
    await Promise.all([checking, describing])
  }

  /** Rows of a small data set are there before somebody asks for them. */
  async function warm({ key, splits: own }: DatasetEntry): Promise<void> {
    const size = own.reduce((sum, { pairs }) => sum + (pairs.bytes ?? Infinity), 0)
    if (size > MOST_WARM_BYTES) return
    try {
      await client.request('datasets.rows', { key, split: 'train', offset: 0, limit: 0 })
    } catch {
      // Told when the rows are asked for.
    }
  }

  async function cancel(key: string, kind: DatasetWork['kind']): Promise<void> {
    try {
      await client.request('datasets.cancel', { key, kind })
    } catch (error) {
      workspace.report(error)
    }
  }

  /** Shows rows that have something in common. */
  function show(split: SplitName, filters: DatasetFilter[]): void {
    view.value = { split, search: '', filters, sort: null }
    row.value = undefined
    tab.value = 'rows'
  }

  /** Shows one row among all others of its split. */
  function jump(split: SplitName, to: number): void {
    view.value = { split, search: '', filters: [], sort: null }
    tab.value = 'rows'
    row.value = to
    jumps.value++
  }

  watch(
    () => workspace.connection,
    (state) => {
      if (state === 'open') void refresh()
    },
    { immediate: true },
  )
  client.on('datasets.changed', () => void refresh())
  client.on('dataset.work', (news) => {
    const next = new Map(works.value)
    if (news.state === 'running') next.set(placeOf(news.key, news.kind), news)
    else next.delete(placeOf(news.key, news.kind))
    works.value = next
  })

  return {
    ...{
      all,
      folder,
      loaded,
      selectedKey,
      selected,
      splits,
      tab,
      check,
      stats,
      checkError,
      statsError,
      view,
      row,
      jumps,
    },
    ...{ refresh, select, examine, work, works, cancel, show, jump },
  }
})
