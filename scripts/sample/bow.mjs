/** A word has to stand in this many training texts to be counted. */
const MIN_TEXTS = 2
const MIN_LETTERS = 3

const STOP_WORDS = new Set(
  `a about above after again all almost already also although always am an and another any anyone anything are around as at away
  back be because been before being below best better between both but by can cannot come comes could did do does doing done down
  each either else enough even ever every everybody everyone everything few find first five for forty four from full get gets
  give gives go goes going good got great had half has have having he her here him his how however hundred i if in into is it its
  just keep keeps know last least less let like little long look lot made make makes making many may me mean more most much must my
  need needs never next no nobody none nor not nothing now of off often on once one only onto or other others our out over own
  people per play plays put quite rather really see seem seems set several shall she should since six so some somebody someone
  something still such sure take takes ten than that the their them then there these they thing things third thirty this those
  though three through till time to together too try twelve twenty twice two under until up upon us use used very want was way we
  well were what whatever when where wherever whether which while who whoever whole whom whose why will with within without worth
  would years yet you your yours yourself`.split(/\s+/),
)

export function words(text) {
  const found = text.toLowerCase().match(/\p{L}+/gu) ?? []
  return found.filter((word) => word.length >= MIN_LETTERS && !STOP_WORDS.has(word))
}

/** The sorted vocabulary of the given texts. */
export function buildVocabulary(texts) {
  const textsWithWord = new Map()
  for (const text of texts) {
    for (const word of new Set(words(text))) textsWithWord.set(word, (textsWithWord.get(word) ?? 0) + 1)
  }
  return [...textsWithWord].flatMap(([word, count]) => (count >= MIN_TEXTS ? [word] : [])).sort()
}

/** Word counts as a compressed sparse row matrix [texts, vocabulary], columns ascending within a row. */
export function countWords(texts, vocabulary) {
  const column = new Map(vocabulary.map((word, i) => [word, i]))
  const indices = []
  const data = []
  const indptr = [0]
  for (const text of texts) {
    const counts = new Map()
    for (const word of words(text)) {
      if (column.has(word)) counts.set(column.get(word), (counts.get(column.get(word)) ?? 0) + 1)
    }
    for (const [index, count] of [...counts].sort(([a], [b]) => a - b)) {
      indices.push(index)
      data.push(count)
    }
    indptr.push(indices.length)
  }
  return { indices, indptr, data, shape: [texts.length, vocabulary.length] }
}
