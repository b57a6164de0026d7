import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { EventPayload } from '../../shared/api/events'
import type { RequestOutput } from '../../shared/api/requests'
import { client } from '../api/client'
import { oneAtATime } from './oneAtATime'
import { useWorkspace } from './workspace'

export type Progress = EventPayload<'run.progress'>['progress']

/** What an engine used when. */
export interface ResourceSample {
  /** Milliseconds since the Unix epoch. */
  at: number
  cores: number
  rssBytes: number
  /** Steps a second. */
  rate: number
  /** Percent; of runs on a graphics card. */
  cardUse?: number
}
/** Some minutes of reports; older ones are thinned out. */
const MOST_SAMPLES = 600

/** What goes on: the queue, how far each run is, and requests that core has not answered yet. */
export const useActivity = defineStore('activity', () => {
  const workspace = useWorkspace()
  const queue = shallowRef<RequestOutput<'queue.get'>>()
  const progress = shallowRef<ReadonlyMap<string, Progress>>(new Map())
  /** Of the runs that have trained while this page was open. */
  const samples = shallowRef<ReadonlyMap<string, readonly ResourceSample[]>>(new Map())
  /** Routes of requests under way, the oldest first. */
  const pending = ref<readonly string[]>([])

  const refresh = oneAtATime(async () => {
    queue.value = await client.request('queue.get', {})
  }, workspace.report)

  async function setQueue(settings: {
    paused?: boolean
    concurrency?: number | null
    restarts?: number
  }): Promise<void> {
    try {
      queue.value = await client.request('queue.set', settings)
    } catch (error) {
      workspace.report(error)
    }
  }

  const place = computed(() => new Map((queue.value?.waiting ?? []).map(({ id }, index) => [id, index + 1])))

  watch(
    () => workspace.connection,
    (state) => state === 'open' && refresh(),
    { immediate: true },
  )
  client.on('runs.changed', refresh)
  client.on('run.progress', (event) => {
    progress.value = new Map(progress.value).set(event.runId, event.progress)
    const { cores, rssBytes, stepsPerSecond, card } = event.progress
    const known = samples.value.get(event.runId) ?? []
    const kept = known.length < MOST_SAMPLES ? known : known.filter((_, index) => index % 2 === 0)
    const sample: ResourceSample = {
      at: Date.now(),
      cores,
      rssBytes,
      rate: stepsPerSecond,
      ...(card && { cardUse: card.utilisation }),
    }
    samples.value = new Map(samples.value).set(event.runId, [...kept, sample])
  })
  client.on('run.status', ({ runId, status }) => {
    if (status === 'running' || status === 'starting' || status === 'stopping' || !progress.value.has(runId)) return
    const left = new Map(progress.value)
    left.delete(runId)
    progress.value = left
  })
  client.onPending((routes) => (pending.value = routes))

  return { queue, progress, samples, pending, place, setQueue }
})
