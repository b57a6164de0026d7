import { onBeforeUnmount, ref, shallowRef, watch, type Ref } from 'vue'
import type { RunView } from '../../shared/domain/runView'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { oneAtATime } from '../stores/oneAtATime'
import { useWorkspace } from '../stores/workspace'

/** The log of a run that trains moves on; its page asks again no more often than this. */
const AGAIN_MS = 1500

/** One run's page, kept up to date. The last answer stays until the next is there: nothing flickers in between. */
export function useRun(id: Ref<string | undefined>) {
  const workspace = useWorkspace()
  const view = shallowRef<RunView>()
  /** Why there is nothing to show. */
  const gone = ref<AppError>()
  let lastLoad = -Infinity
  let timer: ReturnType<typeof setTimeout> | undefined

  const load = oneAtATime(async () => {
    const asked = id.value
    lastLoad = performance.now()
    if (asked === undefined) {
      view.value = undefined
      return
    }
    try {
      const found = await client.request('runs.view', { id: asked })
      if (asked !== id.value) return
      view.value = found
      gone.value = undefined
    } catch (thrown) {
      if (asked !== id.value) return
      gone.value = AppError.from(thrown)
      if (view.value?.record.id !== asked) view.value = undefined
    }
  }, workspace.report)

  function soon(): void {
    timer ??= setTimeout(
      () => {
        timer = undefined
        load()
      },
      Math.max(0, lastLoad + AGAIN_MS - performance.now()),
    )
  }

  watch(id, load, { immediate: true })
  const undo = [
    client.on('runs.changed', soon),
    client.on('run.status', ({ runId }) => runId === id.value && load()),
    client.on('run.metrics', ({ runId }) => runId === id.value && soon()),
    client.onState((state) => state === 'open' && soon()),
  ]
  onBeforeUnmount(() => {
    for (const one of undo) one()
    clearTimeout(timer)
  })
  return { view, gone, reload: load }
}
