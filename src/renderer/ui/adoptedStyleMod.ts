import { StyleModule } from 'style-mod'

/**
 * Stands in for `style-mod` in the page's build (electron.vite.config.ts). It keeps the styles of CodeMirror in a `<style>` element of a
 * document, which the page's content security policy refuses, and in a constructed style sheet of a shadow root: so every document is shown to it as
 * something that, like a shadow root, has no head.
 */
const roots = new WeakMap<Document, object>()

function headless(document: Document): object {
  let root = roots.get(document)
  if (!root) {
    root = {
      ownerDocument: document,
      get adoptedStyleSheets() {
        return document.adoptedStyleSheets
      },
      set adoptedStyleSheets(sheets: CSSStyleSheet[]) {
        document.adoptedStyleSheets = sheets
      },
    }
    roots.set(document, root)
  }
  return root
}

type Mount = (typeof StyleModule)['mount']

class AdoptedStyleModule extends StyleModule {
  static override mount(...[root, modules]: Parameters<Mount>): void {
    // Its own type asks for a document or a shadow root; what it reads of one is all there.
    const target = root instanceof Document ? (headless(root) as ShadowRoot) : root
    StyleModule.mount(target, modules)
  }
}

export { AdoptedStyleModule as StyleModule }
