import { computed, onBeforeUnmount, shallowRef, watch, type Ref } from 'vue'
import type { Band, GroupCurve } from '../../shared/domain/compare'
import type { HISTORY_AXES } from '../../shared/domain/history'
import { client } from '../api/client'
import { oneAtATime } from '../stores/oneAtATime'
import { useWorkspace } from '../stores/workspace'

/** Curves of runs that train are read anew this often. */
const RELOAD_MS = 2_000

export interface GroupCurvesQuery {
  groups: readonly (readonly string[])[]
  metrics: readonly string[]
  axis: (typeof HISTORY_AXES)[number]
  range: [number, number] | undefined
  /** Columns of the picture. */
  buckets: number
  smoothing: number
  band: Band
}

/** Means and bands of groups of runs, one list a metric in the order of the groups, kept up to date while runs train. */
export function useGroupCurves(query: Ref<GroupCurvesQuery>) {
  const workspace = useWorkspace()
  const curves = shallowRef<ReadonlyMap<string, readonly GroupCurve[]>>(new Map())
  /** The groups that `curves` are of. */
  const loaded = shallowRef<GroupCurvesQuery>()
  const key = computed(() => JSON.stringify(query.value))

  const load = oneAtATime(async () => {
    const asked = key.value
    const { groups, metrics, range, ...rest } = query.value
    const all = groups.map((ids) => [...ids])
    const answers =
      groups.length === 0
        ? []
        : await Promise.all(
            metrics.map(async (metric) => {
              const { curves: found } = await client.request('compare.curves', {
                ...rest,
                groups: all,
                metric,
                ...(range && { range }),
              })
              return [metric, found] as const
            }),
          )
    // Whoever asked something else meanwhile has an answer on its way.
    if (asked !== key.value) return
    curves.value = new Map(answers)
    loaded.value = query.value
  }, workspace.report)

  let timer: ReturnType<typeof setTimeout> | undefined
  const loadSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      load()
    }, RELOAD_MS)
  }
  watch(key, load, { immediate: true })
  const undo = [
    client.on('run.metrics', ({ runId }) => query.value.groups.some((ids) => ids.includes(runId)) && loadSoon()),
    client.onState((state) => state === 'open' && loaded.value !== undefined && loadSoon()),
  ]
  onBeforeUnmount(() => {
    for (const one of undo) one()
    clearTimeout(timer)
  })
  return { curves, loaded }
}
