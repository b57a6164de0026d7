/** English words that say nothing of a text's topic. */
export const ENGLISH_STOP_WORDS: ReadonlySet<string> = new Set(
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

/** The words of a text, in order: runs of letters of any script, in lower case. */
export function words(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? []
}

/** How many stretches between blanks a text has: what a person calls its length in words, and quick enough for every text of a file. */
export function countWords(text: string): number {
  let count = 0
  let inside = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const blank = code <= 0x20 || code === 0xa0 || code === 0x3000
    if (!blank && !inside) count++
    inside = !blank
  }
  return count
}
