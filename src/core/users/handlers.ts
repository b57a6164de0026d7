import type { Handlers } from '../router'
import type { Workbench } from '../workbench'
import type { RunInspector } from './runInspector'

type UserHandlers = Pick<Handlers, Extract<keyof Handlers, `users.${string}`>>

export function userHandlers(inspector: RunInspector, workbench: Workbench, closing: AbortSignal): UserHandlers {
  const storeFor = async (id: string) => (await workbench.readyFor(id)).store
  return {
    'users.table': async ({ id, split }) =>
      (await inspector.ask(await storeFor(id), id, { type: 'table', split })).table,
    'users.one': async ({ id, ...question }) =>
      (await inspector.ask(await storeFor(id), id, { type: 'user', ...question })).user,
    'users.pair': async ({ id, ...question }) =>
      (await inspector.ask(await storeFor(id), id, { type: 'pair', ...question })).pair,
    'users.prefer': async ({ id, split, user, ...texts }) =>
      inspector.prefer(await storeFor(id), id, { split, user }, texts, closing),
    'users.map': async ({ id, ...question }) =>
      (await inspector.ask(await storeFor(id), id, { type: 'map', ...question })).map,
  }
}
