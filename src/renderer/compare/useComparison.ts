import { computed, onBeforeUnmount, shallowRef, watch, type Ref } from 'vue'
import type { ComparedRuns, RunGroup } from '../../shared/domain/compare'
import { client } from '../api/client'
import { oneAtATime } from '../stores/oneAtATime'
import { useRunLooks } from '../stores/runLooks'
import { useWorkspace } from '../stores/workspace'
import type { ComparePlace } from './place'

/** Runs that train change often; nobody reads faster. */
const REFRESH_MS = 1_500

/** The runs of a comparison as the history knows them, kept up to date. */
export function useComparison(place: Ref<ComparePlace>) {
  const workspace = useWorkspace()
  const looks = useRunLooks()
  const compared = shallowRef<ComparedRuns>()
  const question = computed(() => {
    const { runs, figures, all } = place.value
    return JSON.stringify({ runs, columns: figures, all })
  })

  const load = oneAtATime(async () => {
    const asked = question.value
    const { runs, figures, all } = place.value
    if (runs.length === 0) {
      compared.value = undefined
      return
    }
    const answer = await client.request('compare.runs', { runs: [...runs], columns: [...figures], all })
    if (asked !== question.value) return
    // One look a curve is what matters: first runs of groups choose first.
    const leads = answer.groups.flatMap((group) => answer.runs[group.runs[0] ?? -1]?.id ?? [])
    looks.give([...new Set([...leads, ...answer.runs.map(({ id }) => id)])])
    if (JSON.stringify(answer) !== JSON.stringify(compared.value)) compared.value = answer
  }, workspace.report)

  let timer: ReturnType<typeof setTimeout> | undefined
  const loadSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      load()
    }, REFRESH_MS)
  }
  watch(question, load, { immediate: true })
  const undo = [
    client.on('runs.changed', loadSoon),
    client.on('run.status', ({ runId }) => place.value.runs.includes(runId) && loadSoon()),
    client.onState((state) => state === 'open' && compared.value !== undefined && loadSoon()),
  ]
  onBeforeUnmount(() => {
    for (const one of undo) one()
    clearTimeout(timer)
  })

  /** Runs that differ only by their seed, or each by itself where that is wanted. */
  const groups = computed<readonly RunGroup[]>(() => {
    const found = compared.value
    if (!found) return []
    if (!place.value.single) return found.groups
    return found.runs.map(({ exp_name, exp_version }, at) => ({ label: `${exp_name}/${exp_version}`, runs: [at] }))
  })
  /** Place among the groups of the one with the reference, or the first where the history does not know that; -1 without runs. */
  const reference = computed(() => {
    const at = Math.max(0, compared.value?.runs.findIndex(({ id }) => id === place.value.reference) ?? 0)
    return groups.value.findIndex((group) => group.runs.includes(at))
  })
  return { compared, groups, reference }
}
