/** Custom properties of `tokens.css`, as colours of the theme that is shown: canvases and Naive UI know no properties. */
export type TokenReader = (property: `--${string}`) => string

let probe: HTMLElement | undefined

export const readToken: TokenReader = (property) => {
  if (!probe) {
    probe = document.createElement('span')
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = `var(${property})`
  return getComputedStyle(probe).color
}
