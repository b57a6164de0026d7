import { z } from 'zod'
import { ERROR_EXIT_CODES, type ErrorCode } from '../errors'
import { appEventSchema } from './events'

/** Frames between a served page and its server: JSON text over one WebSocket. */
export const SOCKET_PATH = '/socket'

export const socketRequestSchema = z.strictObject({ id: z.int().nonnegative(), route: z.string(), input: z.unknown() })
export type SocketRequest = z.infer<typeof socketRequestSchema>

const errorCodes = Object.keys(ERROR_EXIT_CODES)
const errorSchema = z.object({
  code: z.custom<ErrorCode>((value) => typeof value === 'string' && errorCodes.includes(value)),
  message: z.string(),
  details: z.object({
    file: z.string().optional(),
    line: z.int().optional(),
    row: z.int().optional(),
    column: z.string().optional(),
    key: z.string().optional(),
    fix: z.string().optional(),
    findings: z.array(z.string()).readonly().optional(),
  }),
  cause: z.object({ message: z.string() }).optional(),
})
export const replySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), data: z.unknown() }),
  z.object({ ok: z.literal(false), error: errorSchema }),
])

export const fromServerSchema = z.union([z.object({ id: z.int(), reply: replySchema }), appEventSchema])
export type FromServer = z.infer<typeof fromServerSchema>
