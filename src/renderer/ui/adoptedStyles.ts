/**
 * Stands in for css-render's `mount.js` in the page's build (electron.vite.config.ts). Naive UI keeps its styles in
 * `<style>` elements, which the page's content security policy refuses; constructed style sheets need no exception.
 */

/** What of css-render's node is used here. */
interface StyleNode {
  render(props: unknown): string
}

const sheets = new Map<string, CSSStyleSheet>()

/** A style of an id is rendered once, however many components ask for it. */
export function mount(
  _instance: unknown,
  node: StyleNode,
  id: string | undefined,
  props: unknown,
  head: boolean,
  force: boolean,
): void {
  const known = id === undefined ? undefined : sheets.get(id)
  if (known && !force) return
  const style = node.render(props)
  const key = id ?? style
  const sheet = known ?? sheets.get(key) ?? new CSSStyleSheet()
  sheet.replaceSync(style)
  if (sheets.has(key)) return
  sheets.set(key, sheet)
  if (head) document.adoptedStyleSheets.unshift(sheet)
  else document.adoptedStyleSheets.push(sheet)
}

export function unmount(_instance: unknown, _node: StyleNode, id: string | undefined): void {
  const sheet = id === undefined ? undefined : sheets.get(id)
  if (id === undefined || !sheet) return
  sheets.delete(id)
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet)
}
