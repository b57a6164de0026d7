import { z } from 'zod'
import { appErrorSchema } from '../errors'
import { appEventSchema } from './events'

/** Frames between a served page and its server: JSON text over one WebSocket. */
export const SOCKET_PATH = '/socket'

export const socketRequestSchema = z.strictObject({ id: z.int().nonnegative(), route: z.string(), input: z.unknown() })
export type SocketRequest = z.infer<typeof socketRequestSchema>

export const replySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), data: z.unknown() }),
  z.object({ ok: z.literal(false), error: appErrorSchema }),
])

export const fromServerSchema = z.union([z.object({ id: z.int(), reply: replySchema }), appEventSchema])
export type FromServer = z.infer<typeof fromServerSchema>
