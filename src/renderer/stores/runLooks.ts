import { defineStore } from 'pinia'
import { ref } from 'vue'
import { z } from 'zod'

/** How a run looks wherever it is drawn. */
export interface RunLook {
  colour: `--${string}`
  /** Lengths of a line's strokes and gaps; empty is a solid one. */
  dash: readonly number[]
}

export const RUN_COLOURS = [
  '--series-train',
  '--series-val',
  '--series-3',
  '--series-4',
  '--series-6',
  '--series-5',
] as const
/** Lengths of strokes and gaps. */
export const RUN_DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]] as const
/** Looks that can be told apart. */
const LOOKS = RUN_COLOURS.length * RUN_DASHES.length

const STORAGE_KEY = 'delta.looks'
const MOST_KEPT = 4_000
const storedSchema = z.array(z.tuple([z.string().max(200), z.int().min(0)])).max(MOST_KEPT)

function stored(): Map<string, number> {
  try {
    return new Map(storedSchema.parse(JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '')))
  } catch {
    return new Map()
  }
}

/** Colours belong to runs, from one visit to the next, and do not move when others come. */
export const useRunLooks = defineStore('run-looks', () => {
  const slots = ref<ReadonlyMap<string, number>>(stored())

  /**
   * Gives runs that are shown together looks of their own, as long as there are any: those that have had theirs for longest keep it.
   *
   * @param ids the most important first
   */
  function give(ids: readonly string[]): void {
    const shown = new Set(ids)
    const next = new Map(slots.value)
    const taken = new Set<number>()
    const without: string[] = []
    for (const [id, slot] of slots.value) {
      if (!shown.has(id)) continue
      if (taken.has(slot)) without.push(id)
      taken.add(slot)
    }
    // More runs than looks: two alike stay as they are, since one of them would otherwise change with every newcomer.
    without.splice(Math.max(0, LOOKS - taken.size))
    for (const id of [...without, ...ids.filter((one) => !next.has(one))]) {
      const free = Array.from({ length: LOOKS }, (_, slot) => slot).find((slot) => !taken.has(slot))
      const slot = free ?? next.size % LOOKS
      next.set(id, slot)
      taken.add(slot)
    }
    if (next.size === slots.value.size && without.length === 0) return
    slots.value = next
    localStorage.setItem(STORAGE_KEY, JSON.stringify([...next].slice(-MOST_KEPT)))
  }

  function lookOf(id: string): RunLook {
    const slot = slots.value.get(id)
    if (slot === undefined) return { colour: '--line-control', dash: [] }
    return {
      colour: RUN_COLOURS[slot % RUN_COLOURS.length] ?? RUN_COLOURS[0],
      dash: RUN_DASHES[Math.floor(slot / RUN_COLOURS.length) % RUN_DASHES.length] ?? RUN_DASHES[0],
    }
  }

  return { give, lookOf }
})
