import { defineAsyncComponent, h, ref, type Component } from 'vue'
import PartMissing from './PartMissing.vue'

/** A server that starts again is back by then; one that is away for longer is worth a word. */
const FIRST_RETRY_MS = 1_000
const RETRY_MS = 5_000

type Load<T> = () => Promise<{ default: T }>

const unreadStyles = new Set<HTMLLinkElement>()
addEventListener('error', ({ target }) => target instanceof HTMLLinkElement && unreadStyles.add(target), true)

/** Vite asks for the styles of a part once: a part that is read after all would have none. */
async function readStyles(): Promise<void> {
  const links = [...unreadStyles].filter((link) => link.rel === 'stylesheet')
  unreadStyles.clear()
  await Promise.all(
    links.map((link) => {
      const again = link.cloneNode()
      const read = new Promise((resolve, reject) => {
        again.addEventListener('load', resolve)
        again.addEventListener('error', () => reject(new Error('The styles could not be read')))
      })
      link.replaceWith(again)
      return read
    }),
  )
}

const read = <T>(load: Load<T>): Promise<{ default: T }> => readStyles().then(load)

/** A part of the page in a file of its own. One that cannot be read is asked for again until it is there, and says so meanwhile. */
export function partOfPage<T extends Component>(load: Load<T>) {
  const missing = ref(false)
  let again = (): void => {}
  return defineAsyncComponent({
    loader: () => read(load),
    delay: 0,
    loadingComponent: () => (missing.value ? h(PartMissing, { onAgain: () => again() }) : undefined),
    onError(_error, retry, _fail, attempts) {
      missing.value = attempts > 1
      const timer = setTimeout(retry, attempts > 1 ? RETRY_MS : FIRST_RETRY_MS)
      again = () => {
        clearTimeout(timer)
        retry()
      }
    },
  })
}

/** For the router, which keeps the page before it until this one is read, and shows what `partOfPage` does where it cannot be. */
export const pageOf =
  <T extends Component>(load: Load<T>) =>
  (): Promise<Component> =>
    read(load).then(
      (page) => page.default,
      () => partOfPage(load),
    )
