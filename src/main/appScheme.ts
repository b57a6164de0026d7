import { protocol } from 'electron'
import { pageAsset } from '../core/web/pageAsset'
import { PAGE_HEADERS } from '../core/web/pageHeaders'
import { isAppUrl, SCHEME } from './appUrl'

/** Before the app is ready. A standard, secure scheme gives the page an origin of its own, and storage with it. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ])
}

/** Serves the built page under `app://`, and nothing but the built page. */
export function serveAppScheme(rendererDir: string): void {
  protocol.handle(SCHEME, async (request) => {
    const refused = (status: number): Response => new Response(null, { status, headers: PAGE_HEADERS })
    if (!isAppUrl(request.url)) return refused(403)
    if (request.method !== 'GET') return refused(405)
    const asset = await pageAsset(rendererDir, new URL(request.url).pathname)
    if (asset === undefined) return refused(404)
    return new Response(asset.body, { headers: { ...PAGE_HEADERS, 'Content-Type': asset.type } })
  })
}
