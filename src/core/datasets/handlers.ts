import type { Handlers } from '../router'
import type { Datasets } from './datasets'

type DatasetHandlers = Pick<Handlers, Extract<keyof Handlers, `datasets.${string}`>>

export function datasetHandlers(datasets: Datasets, closing: AbortSignal): DatasetHandlers {
  return {
    'datasets.list': async () => datasets.list(),
    'datasets.register': async ({ paths }) => datasets.register(paths),
    'datasets.inspect': async ({ paths }) => datasets.inspect(paths, closing),
    'datasets.create': async (request) => datasets.create(request),
    'datasets.remove': async ({ key }) => datasets.remove(key),
    'datasets.locate': async ({ key, path }) => datasets.locate(key, path),
    'datasets.check': async ({ key, again }) => datasets.check(key, again),
    'datasets.problems': async ({ key, problem, offset, limit }) => datasets.problems(key, problem, offset, limit),
    'datasets.stats': async ({ key, again, topic }) => datasets.stats(key, again, topic),
    'datasets.rows': async (query) => datasets.rows(query),
    'datasets.row': async ({ key, split, row }) => datasets.row(key, split, row),
    'datasets.prepare': async (request) => datasets.prepare(request),
    'datasets.plan': async (request) => datasets.plan(request),
    'datasets.cancel': async ({ key, kind }) => datasets.cancel(key, kind),
  }
}
