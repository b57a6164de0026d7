import type { z } from 'zod'
import { requests, type Reply, type RequestOutput, type Route } from '../shared/api/requests'
import { AppError } from '../shared/errors'

type ParsedInputs = { [R in Route]: z.output<(typeof requests)[R]['input']> }

/** One handler for every route; a route without one does not compile. */
export type Handlers = { [R in Route]: (input: ParsedInputs[R]) => Promise<RequestOutput<R>> }

/** The same table, typed so that a route's schema and its handler are known to belong together. */
const schemas: { [R in Route]: { input: z.ZodType<ParsedInputs[R]> } } = requests

/** The one way in: parses, calls, and turns whatever goes wrong into data. It never throws. */
export async function answer(handlers: Handlers, route: string, input: unknown): Promise<Reply<unknown>> {
  try {
    if (!isRoute(route)) throw new AppError('unknown_route', `There is no request called "${route.slice(0, 100)}"`)
    return { ok: true, data: await call(handlers, route, input) }
  } catch (error) {
    return { ok: false, error: AppError.from(error).toJSON() }
  }
}

function isRoute(route: string): route is Route {
  return Object.hasOwn(requests, route)
}

function call<R extends Route>(handlers: Handlers, route: R, input: unknown): Promise<RequestOutput<R>> {
  const schema: z.ZodType<ParsedInputs[R]> = schemas[route].input
  const parsed = schema.safeParse(input)
  if (!parsed.success) {
    const findings = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'input'}: ${message}`)
    throw new AppError('usage', `The request "${route}" is malformed`, { findings })
  }
  return handlers[route](parsed.data)
}
