import { onBeforeUnmount, onMounted, shallowRef, type ShallowRef } from 'vue'

/** Becomes true once the component has been seen: what is looked at next can wait for what is looked at first. */
export function useAfterPaint(): Readonly<ShallowRef<boolean>> {
  const painted = shallowRef(false)
  let frame = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  onMounted(() => {
    // A frame's callback runs before it is painted, a timer set in it afterwards.
    frame = requestAnimationFrame(() => (timer = setTimeout(() => (painted.value = true))))
  })
  onBeforeUnmount(() => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
  })
  return painted
}
