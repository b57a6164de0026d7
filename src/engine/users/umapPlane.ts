import { setImmediate } from 'node:timers/promises'
import { UMAP } from 'umap-js'
import { AppError } from '../../shared/errors'
import { RandomStream } from '../loop/random'
import { standardised, type UserVectors } from './userVectors'

/** Those of the method's paper: how many neighbours a place is to be faithful to, and how near two places may come. */
const NEIGHBOURS = 15
const MIN_DISTANCE = 0.1
/** Of fewer there is no neighbourhood to be faithful to. */
export const LEAST_USERS = 5
/** Finding the neighbours of more takes minutes, in which nobody else is answered and nothing can be ended. */
export const MOST_USERS = 10_000
/** Between two looks at whether somebody wants to stop, and at other questions. */
const SLICE_MS = 30

/**
 * Users in the plane by UMAP (McInnes, Healy and Melville 2018, arXiv:1802.03426) of their standardised vectors, so that neighbours on the map
 * are those whom {@link nearestUsers} finds. Equal vectors give an equal map: its random numbers are seeded.
 *
 * @returns [users] places; they have no unit, and only nearness in them means something
 * @throws AppError `usage` for fewer than {@link LEAST_USERS} users or more than {@link MOST_USERS}, `stopped`
 */
export async function umapPlane(vectors: UserVectors, stop: AbortSignal): Promise<{ x: number[]; y: number[] }> {
  const users = vectors.values.length / vectors.dimensions
  if (users > MOST_USERS)
    throw new AppError('usage', `A map by UMAP of ${users.toLocaleString('en')} users would take minutes`, {
      fix: `It takes ${MOST_USERS.toLocaleString('en')} at most; the map by principal components does with any number.`,
    })
  const rows = standardised(vectors)
  if (rows.length < LEAST_USERS)
    throw new AppError(
      'usage',
      `UMAP places a user by their neighbours, and training knows ${rows.length === 1 ? 'one user' : `${rows.length} users`} only`,
      { fix: `It takes ${LEAST_USERS}; the map by principal components does with fewer.` },
    )
  const random = new RandomStream(0, 'users/umap')
  const layout = new UMAP({
    ...{ nNeighbors: Math.min(NEIGHBOURS, rows.length - 1), minDist: MIN_DISTANCE },
    random: () => random.uniform(),
  })
  const epochs = layout.initializeFit(rows)
  let rested = performance.now()
  for (let epoch = 0; epoch < epochs; epoch++) {
    layout.step()
    if (performance.now() - rested < SLICE_MS) continue
    await setImmediate()
    if (stop.aborted) throw new AppError('stopped', 'Stopped while the map was drawn')
    rested = performance.now()
  }
  const places = layout.getEmbedding()
  return { x: places.map(([x = 0]) => x), y: places.map(([, y = 0]) => y) }
}
