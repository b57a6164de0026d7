export const SCHEME = 'app'
const HOST = 'workbench'
export const PAGE_URL = `${SCHEME}://${HOST}/`

/** Whether a URL is the workbench's own page. `URL.origin` is the text "null" for a scheme that Node does not know. */
export function isAppUrl(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed?.protocol === `${SCHEME}:` && parsed.host === HOST && parsed.username === '' && parsed.port === ''
}
