import { onBeforeUnmount, ref, shallowRef, watch, type Ref } from 'vue'
import type { RequestOutput } from '../../shared/api/requests'
import type { SweepProgress, SweepSummary, SweepView } from '../../shared/domain/sweeps'
import { AppError } from '../../shared/errors'
import { client } from '../api/client'
import { oneAtATime } from '../stores/oneAtATime'
import { useWorkspace } from '../stores/workspace'

/** Runs change at every epoch: what a sweep comes to is asked again at most so often. */
const ASK_EVERY_MS = 700
/** The end of another process's work on a sweep tells nothing by itself: it is looked for so often. */
const LOOK_EVERY_MS = 2_000

/**
 * Asks again after changes, not at each of many. Ends with the component.
 *
 * @param shown the sweeps that are on the screen
 */
function afterChanges(ask: () => void, shown: () => readonly SweepSummary[]): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const soon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      ask()
    }, ASK_EVERY_MS)
  }
  const undo = [client.on('sweeps.changed', soon), client.on('runs.changed', soon)]
  const looking = setInterval(() => {
    if (shown().some(({ worker }) => worker?.ours === false)) soon()
  }, LOOK_EVERY_MS)
  onBeforeUnmount(() => {
    clearTimeout(timer)
    clearInterval(looking)
    for (const one of undo) one()
  })
}

/** All sweeps of the log folder; undefined until they are known. */
export function useSweepList() {
  const workspace = useWorkspace()
  const list = shallowRef<RequestOutput<'sweeps.list'>>()
  const ask = oneAtATime(
    async () => void (list.value = await client.request('sweeps.list', {})),
    (error) => workspace.report(error),
  )
  ask()
  afterChanges(ask, () => list.value?.sweeps ?? [])
  return { list, ask }
}

/** One sweep, as it stands, and how far its pass is where this workbench trains it. */
export function useSweep(name: Readonly<Ref<string>>) {
  const view = shallowRef<SweepView>()
  const error = shallowRef<AppError>()
  const progress = ref<SweepProgress>()
  const ask = oneAtATime(
    async () => {
      const asked = name.value
      try {
        const answer = await client.request('sweeps.get', { name: asked })
        if (asked !== name.value) return ask()
        view.value = answer
        error.value = undefined
        if (answer.sweep.status !== 'running') progress.value = undefined
      } catch (thrown) {
        if (asked === name.value) error.value = AppError.from(thrown)
      }
    },
    () => undefined,
  )
  watch(
    name,
    () => {
      view.value = undefined
      error.value = undefined
      progress.value = undefined
      ask()
    },
    { immediate: true },
  )
  afterChanges(ask, () => (view.value ? [view.value.sweep] : []))
  onBeforeUnmount(
    client.on('sweep.progress', ({ name: whose, progress: now }) => {
      if (whose === name.value) progress.value = now
    }),
  )
  return { view, error, progress, ask }
}
