import path from 'node:path'

/** The checkout. The bench is bundled into `out/bench`, two folders below it. */
export const ROOT = path.resolve(import.meta.dirname, '..', '..')
/** Reference data and the peers' scripts, beside the checkout; not part of the project. */
export const SHARED = path.resolve(ROOT, '..', 'shared')
