/** Custom properties of `tokens.css`, as colours of the theme that is shown: canvases and Naive UI know no properties. */
export type TokenReader = (property: `--${string}`) => string

let probe: HTMLElement | undefined
let theme: string | undefined
const known = new Map<string, string>()

/** The browser is asked for each once a theme: for its answer it works the styles of the whole page out, in the middle of changing it. */
export const readToken: TokenReader = (property) => {
  const { theme: shown } = document.documentElement.dataset
  if (shown !== theme) known.clear()
  theme = shown
  const before = known.get(property)
  if (before !== undefined) return before
  if (!probe) {
    probe = document.createElement('span')
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = `var(${property})`
  const { color } = getComputedStyle(probe)
  known.set(property, color)
  return color
}
