import { ipcMain, type WebContents, type WebFrameMain } from 'electron'
import { z } from 'zod'
import type { Channels } from '../shared/api/bridge'
import type { AppEvent } from '../shared/api/events'
import type { Reply } from '../shared/api/requests'
import { AppError } from '../shared/errors'
import { isAppUrl } from './appUrl'

const REQUEST: Channels['request'] = 'delta:request'
const EVENT: Channels['event'] = 'delta:event'
const DROPPED: Channels['dropped'] = 'delta:dropped'
/** More than anyone drops at once. */
const MOST_DROPPED = 1_000
const droppedSchema = z.array(z.string().min(1).max(4_096)).max(MOST_DROPPED)

/** A request counts only from the top frame of the workbench's own window while that shows the workbench's own page. */
export function isTrustedSender(
  frame: Pick<WebFrameMain, 'url' | 'parent'> | null,
  sender: { id: number },
  window: { id: number } | undefined,
): boolean {
  return frame !== null && frame.parent === null && isAppUrl(frame.url) && sender.id === window?.id
}

export function answerRequests(
  window: () => WebContents | undefined,
  request: (route: string, input: unknown) => Promise<Reply<unknown>>,
): void {
  ipcMain.handle(REQUEST, (event, route: unknown, input: unknown): Reply<unknown> | Promise<Reply<unknown>> => {
    if (!isTrustedSender(event.senderFrame, event.sender, window())) {
      return { ok: false, error: new AppError('usage', 'Requests are taken from the workbench window only').toJSON() }
    }
    if (typeof route !== 'string') {
      return { ok: false, error: new AppError('unknown_route', 'A request needs a name').toJSON() }
    }
    return request(route, input)
  })
}

/** Paths of files that a person has dropped, as the preload has read them off the browser's own File objects. */
export function answerDrops(window: () => WebContents | undefined, allow: (path: string) => void): void {
  ipcMain.handle(DROPPED, (event, paths: unknown): string[] => {
    if (!isTrustedSender(event.senderFrame, event.sender, window())) return []
    const given = droppedSchema.safeParse(paths)
    if (!given.success) return []
    for (const path of given.data) allow(path)
    return given.data
  })
}

export function sendEvent(window: WebContents | undefined, event: AppEvent): void {
  if (window && !window.isDestroyed()) window.send(EVENT, event)
}
