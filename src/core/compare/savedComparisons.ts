import type { AppEvent } from '../../shared/api/events'
import type { savedComparisonRequests } from '../../shared/domain/savedComparisons'
import type { Handlers } from '../router'
import type { SavedComparisonTable } from '../store/savedComparisons'
import type { Workbench } from '../workbench'

/** Routes of comparisons under a name; every page hears of a change. */
export function savedComparisonHandlers(workbench: Workbench, publish: (event: AppEvent) => void) {
  let sequence = 0
  const table = async (): Promise<SavedComparisonTable> => (await workbench.ready()).store.comparisons
  const change = async (work: (saved: SavedComparisonTable) => void): Promise<Record<string, never>> => {
    work(await table())
    publish({ event: 'comparisons.changed', payload: { sequence: ++sequence } })
    return {}
  }
  return {
    'compare.saved': async () => ({ comparisons: (await table()).list() }),
    'compare.open': async ({ name }) => ({ address: (await table()).open(name) }),
    'compare.save': ({ name, address, replace }) => change((saved) => saved.save(name, address, replace)),
    'compare.rename': ({ from, to }) => change((saved) => saved.rename(from, to)),
    'compare.forget': ({ name }) => change((saved) => saved.forget(name)),
  } satisfies Pick<Handlers, keyof typeof savedComparisonRequests>
}
