import type { BagOfWords, Dataset, EmbeddingTable, PairSplit } from '../data/dataset'
import { RandomStream, fillNormal } from '../loop/random'
import type { SplitName } from '../../shared/domain/dataset'

interface Size {
  users: number
  unseenUsers?: number
  texts: number
  width: number
  pairs: number
  features?: number
  /** Words of the vocabulary; 0 for none. */
  words?: number
}

/** For tests: pairs that users with random linear tastes would choose, over random texts. Equal sizes give equal data. */
export function syntheticDataset({
  users,
  unseenUsers = 2,
  texts,
  width,
  pairs,
  features = 0,
  words = 12,
}: Size): Dataset {
  const values = new Float32Array(texts * width)
  fillNormal(values, 1 / Math.sqrt(width), new RandomStream(7, 'texts'))
  const table: EmbeddingTable = { file: 'synthetic.npy', rows: texts, width, stride: width, dtype: 'float32', values }
  const tastes = new Float32Array((users + unseenUsers) * width)
  fillNormal(tastes, 1, new RandomStream(7, 'tastes'))
  const bow = words === 0 ? undefined : wordCounts(texts, words)
  const reward = (user: number, text: number): number => {
    let sum = 0
    for (let d = 0; d < width; d++) sum += tastes[user * width + d]! * values[text * width + d]!
    return sum
  }

  const split = (name: SplitName, first: number, count: number, n: number): PairSplit => {
    const stream = new RandomStream(7, `pairs/${name}`)
    const columns = {
      users: new Int32Array(n),
      prompts: new Int32Array(n),
      chosen: new Int32Array(n),
      rejected: new Int32Array(n),
    }
    for (let i = 0; i < n; i++) {
      const user = first + (i < count ? i : stream.below(count))
      const [a, b] = [stream.below(texts), stream.below(texts)]
      const first_ = reward(user, a) >= reward(user, b)
      columns.users[i] = user
      columns.prompts[i] = stream.below(texts)
      columns.chosen[i] = first_ ? a : b
      columns.rejected[i] = first_ ? b : a
    }
    const userFeatures = features === 0 ? null : new Float32Array(n * features)
    userFeatures?.forEach((_, i) => {
      userFeatures[i] = (columns.users[Math.floor(i / features)]! + i) % 2
    })
    return { name, pairs: n, table, ...columns, ids: null, features: userFeatures, ...(bow && { bow }) }
  }
  return {
    name: 'synthetic',
    users: Array.from({ length: users + unseenUsers }, (_, user) => user),
    trainedUsers: users,
    width,
    featureColumns: Array.from({ length: features }, (_, i) => `user_${i}`),
    ...(bow && { vocabulary: Array.from({ length: words }, (_, i) => `word${i}`) }),
    splits: {
      train: split('train', 0, users, pairs),
      dev: split('dev', 0, users, Math.ceil(pairs / 4)),
      test: split('test', 0, users, Math.ceil(pairs / 4)),
      test_unseen: split('test_unseen', users, unseenUsers, Math.ceil(pairs / 4)),
    },
  }
}

/** About a third of the words in every text, once or twice. */
function wordCounts(texts: number, words: number): BagOfWords {
  const stream = new RandomStream(7, 'words')
  const indices: number[] = []
  const offsets = new Int32Array(texts + 1)
  for (let text = 0; text < texts; text++) {
    for (let word = 0; word < words; word++) if (stream.below(3) === 0) indices.push(word)
    offsets[text + 1] = indices.length
  }
  const counts = Float32Array.from(indices, () => 1 + stream.below(2))
  return { file: 'synthetic.npz', rows: texts, words, offsets, indices: Int32Array.from(indices), counts }
}
