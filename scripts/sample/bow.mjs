import { ENGLISH_STOP_WORDS, words as allWords } from '../../src/engine/prep/words.ts'

/** A word has to stand in this many training texts to be counted. */
const MIN_TEXTS = 2
const MIN_LETTERS = 3

function words(text) {
  return allWords(text).filter((word) => word.length >= MIN_LETTERS && !ENGLISH_STOP_WORDS.has(word))
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
