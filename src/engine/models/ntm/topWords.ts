import type { NamedArray } from '../../backends/execution'

/**
 * The words that say what each topic is about: those of the largest weights in its column of β.
 *
 * @param parameters an ntm's, among them `beta_layer.weight`: [V, T]
 * @param n words a topic; all of them where there are fewer
 * @returns one list a topic, the strongest word first; equal weights in the vocabulary's order
 */
export function topWords(parameters: readonly NamedArray[], vocabulary: readonly string[], n: number): string[][] {
  const beta = parameters.find(({ name }) => name === 'beta_layer.weight')
  const [words, topics] = beta?.shape ?? []
  if (!beta || topics === undefined || words !== vocabulary.length)
    throw new Error(`there is no β over ${vocabulary.length} words`)
  return Array.from({ length: topics }, (_, topic) => {
    const weight = (word: number): number => beta.values[word * topics + topic]!
    const order = Array.from({ length: vocabulary.length }, (_, word) => word)
    return order
      .sort((a, b) => weight(b) - weight(a) || a - b)
      .slice(0, n)
      .map((word) => vocabulary[word]!)
  })
}
