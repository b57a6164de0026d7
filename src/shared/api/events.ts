import { z } from 'zod'

/** What core tells its windows unasked. `runs.changed`: something in the log folder moved; ask again. */
export const events = {
  'runs.changed': z.object({ sequence: z.int() }),
} as const satisfies Record<string, z.ZodType>

export type EventName = keyof typeof events
export type EventPayload<E extends EventName> = z.output<(typeof events)[E]>

/** An event as it crosses a boundary. */
export const appEventSchema = z.discriminatedUnion('event', [
  z.strictObject({ event: z.literal('runs.changed'), payload: events['runs.changed'] }),
])
export type AppEvent = z.output<typeof appEventSchema>
