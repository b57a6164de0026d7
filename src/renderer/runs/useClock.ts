import { onBeforeUnmount, ref, type Ref } from 'vue'
import { isActive } from '../../shared/domain/lifecycle'
import { useRuns } from '../stores/runs'

const TICK_MS = 1000

/** The time of day; it moves only while something runs, since nothing else shows it. */
export function useClock(): Ref<number> {
  const runs = useRuns()
  const now = ref(Date.now())
  const clock = setInterval(() => {
    if (runs.all.some(({ status }) => isActive(status))) now.value = Date.now()
  }, TICK_MS)
  onBeforeUnmount(() => clearInterval(clock))
  return now
}
