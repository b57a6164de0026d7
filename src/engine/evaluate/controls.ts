import type { Dataset, PairSplit } from '../data/dataset'
import { RandomStream } from '../loop/random'

/**
 * The split with every pair judged as somebody else: a pair of a known user gets the user, and the user's features, of a random pair of
 * another known user. What is lost by that is what the user's vector does (permutation importance: Fisher, Rudin and Dominici, "All
 * Models are Wrong, but Many are Useful", 2019). Undefined where no two users are known.
 */
export function withShuffledUsers(split: PairSplit, { trainedUsers, featureColumns }: Dataset): PairSplit | undefined {
  const known = Int32Array.from({ length: split.pairs }, (_, row) => row).filter(
    (row) => split.users[row]! < trainedUsers,
  )
  // Each user's pairs stand together, so that those of all others are what is left before and after them.
  known.sort((a, b) => split.users[a]! - split.users[b]! || a - b)
  const stream = new RandomStream(0, `shuffled users/${split.name}`)
  const width = featureColumns.length
  const users = split.users.slice()
  const features = split.features?.slice() ?? null
  for (let from = 0; from < known.length;) {
    let to = from + 1
    while (to < known.length && split.users[known[to]!] === split.users[known[from]!]) to++
    const others = known.length - (to - from)
    if (others === 0) return undefined
    for (let at = from; at < to; at++) {
      const draw = stream.below(others)
      const other = known[draw < from ? draw : draw + (to - from)]!
      const row = known[at]!
      users[row] = split.users[other]!
      if (features && split.features)
        features.set(split.features.subarray(other * width, (other + 1) * width), row * width)
    }
    from = to
  }
  return known.length === 0 ? undefined : { ...split, users, features }
}

/** The split with every pair judged as the generic user: nobody's vector, but the mean of all. */
export function withGenericUser(split: PairSplit, { trainedUsers }: Dataset): PairSplit {
  return { ...split, users: new Int32Array(split.pairs).fill(trainedUsers) }
}
