import { defineStore } from 'pinia'
import { ref, watch } from 'vue'
import { z } from 'zod'

const STORAGE_KEY = 'delta.curves'
const schema = z.object({
  axis: z.enum(['epoch', 'step', 'time']),
  log: z.boolean(),
  smoothing: z.number().min(0).max(0.99),
  /** Charts of a run's own page, by their figures. */
  panels: z.array(z.string()).max(50),
})
const USUAL: z.infer<typeof schema> = {
  axis: 'epoch',
  log: false,
  smoothing: 0,
  panels: ['loss', 'acc', 'reg_loss', 'lr'],
}

function stored(): z.infer<typeof schema> {
  try {
    return schema.parse(JSON.parse(localStorage.getItem(STORAGE_KEY) ?? ''))
  } catch {
    return USUAL
  }
}

/** How curves are shown, on every page and after every start. */
export const useCurveSettings = defineStore('curve-settings', () => {
  const { axis: axisBefore, log: logBefore, smoothing: smoothingBefore, panels: panelsBefore } = stored()
  const axis = ref(axisBefore)
  const log = ref(logBefore)
  const smoothing = ref(smoothingBefore)
  const panels = ref(panelsBefore)
  watch([axis, log, smoothing, panels], () => {
    const now = { axis: axis.value, log: log.value, smoothing: smoothing.value, panels: panels.value }
    localStorage.setItem(STORAGE_KEY, JSON.stringify(now))
  })
  return { axis, log, smoothing, panels }
})
