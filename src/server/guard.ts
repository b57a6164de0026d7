import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

/**
 * A page of another site can make a browser send requests to this machine, under a name of its own that resolves to
 * 127.0.0.1 (DNS rebinding). Its name then stands in `Host`. The port may differ: `ssh -L` forwards one to another.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  return LOOPBACK.has(hostName(host) ?? '')
}

/** WebSockets are not bound by the same-origin policy: only the page that came from here may open one. */
export function isSameOrigin(origin: string | undefined, host: string | undefined): boolean {
  return origin !== undefined && host !== undefined && origin === `http://${host}`
}

export function tokenMatches(expected: string, given: string | null): boolean {
  if (given === null) return false
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(expected), digest(given))
}

/** The request's URL, or undefined where it is none. */
export function requestUrl(request: IncomingMessage): URL | undefined {
  return URL.parse(request.url ?? '/', 'http://127.0.0.1') ?? undefined
}

function hostName(host: string | undefined): string | undefined {
  return host === undefined ? undefined : /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(host)?.[1]?.toLowerCase()
}
