export interface Entry {
  id: string
  title: string
  section: string
  /** Besides the title, what finds it. */
  words: string
  keys: string | undefined
  run: () => void
}

/**
 * The entries that hold every word of `text`, best first: titles that begin with it, then titles that hold it at the
 * beginning of a word, then anywhere, then those found by their other words. Equal ones stay in their order.
 */
export function findEntries(entries: readonly Entry[], text: string, most: number): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return entries.slice(0, most)
  const found = entries.flatMap((entry) => {
    const title = entry.title.toLowerCase()
    const all = `${title} ${entry.section.toLowerCase()} ${entry.words.toLowerCase()}`
    if (!words.every((word) => all.includes(word))) return []
    const ranks = words.map((word) => rank(title, word))
    return [{ entry, rank: ranks.reduce((sum, one) => sum + one, 0) }]
  })
  // `sort` is stable.
  return found
    .sort((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ entry }) => entry)
}

function rank(title: string, word: string): number {
  const place = title.indexOf(word)
  if (place < 0) return 3
  if (place === 0) return 0
  return /[\s/_.-]/.test(title[place - 1] ?? '') ? 1 : 2
}
