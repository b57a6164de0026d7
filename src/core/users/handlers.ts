import type { Handlers } from '../router'
import type { Workbench } from '../workbench'
import { dimensionNames, nameDimension } from './dimensionNames'
import type { RunInspector } from './runInspector'

type UserHandlers = Pick<Handlers, Extract<keyof Handlers, `users.${string}`>>

export function userHandlers(inspector: RunInspector, workbench: Workbench, closing: AbortSignal): UserHandlers {
  const storeFor = async (id: string) => (await workbench.readyFor(id)).store
  return {
    'users.table': async ({ id, split }) =>
      (await inspector.ask(await storeFor(id), id, { type: 'table', split })).table,
    'users.one': async ({ id, ...question }) => {
      const store = await storeFor(id)
      const { user } = await inspector.ask(store, id, { type: 'user', ...question })
      return { ...user, names: await dimensionNames(store.runs.get(id).dir) }
    },
    'users.dimensions': async ({ id, split }) => {
      const store = await storeFor(id)
      const { dimensions } = await inspector.ask(store, id, { type: 'dimensions', split })
      return { ...dimensions, names: await dimensionNames(store.runs.get(id).dir) }
    },
    'users.nameDimension': async ({ id, dimension, name }) => {
      const { dir } = (await storeFor(id)).runs.get(id)
      return { names: await nameDimension(dir, dimension, name) }
    },
    'users.matchDimensions': async ({ id, other, split }) => {
      // One after the other: each takes an engine that reads its data.
      const { profile } = await inspector.ask(await storeFor(id), id, { type: 'profile', split })
      const { match } = await inspector.ask(await storeFor(other), other, { type: 'match', split, with: profile })
      const namesOf = async (run: string) => dimensionNames((await storeFor(run)).runs.get(run).dir)
      return { ...match, names: { a: await namesOf(id), b: await namesOf(other) } }
    },
    'users.pairs': async ({ id, ...question }) =>
      (await inspector.ask(await storeFor(id), id, { type: 'pairs', ...question })).list,
    'users.pair': async ({ id, ...question }) =>
      (await inspector.ask(await storeFor(id), id, { type: 'pair', ...question })).pair,
    'users.prefer': async ({ id, split, user, ...texts }) =>
      inspector.prefer(await storeFor(id), id, { split, user }, texts, closing),
    'users.adapt': async ({ id, ticket, ...question }) => inspector.adapt(await storeFor(id), id, question, ticket),
    'users.cancel': async ({ ticket }) => {
      inspector.cancel(ticket)
      return {}
    },
    'users.map': async ({ id, ...question }) =>
      (await inspector.ask(await storeFor(id), id, { type: 'map', ...question })).map,
  }
}
