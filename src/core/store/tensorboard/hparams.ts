import type { Wire } from './wire'

/** What the hparams plugin says of a run. */
export interface SessionInfo {
  hparams: Record<string, string | number | boolean | null>
  /** Milliseconds since the Unix epoch. */
  started?: number
  ended?: number
  outcome?: 'success' | 'failure' | 'running'
}

/** TensorBoard's plugins/hparams/plugin_data.proto: session_start_info = 3, session_end_info = 4. */
export function readHparams(content: Wire, session: SessionInfo): void {
  while (content.next()) {
    if (content.type !== 2) continue
    if (content.field === 3) readStart(content.inner(), session)
    else if (content.field === 4) readEnd(content.inner(), session)
  }
}

/** SessionStartInfo: hparams = 1 (a map: key = 1, value = 2), start_time_secs = 5. */
function readStart(info: Wire, session: SessionInfo): void {
  while (info.next()) {
    if (info.field === 5 && info.type === 1) session.started = info.double() * 1000
    if (info.field !== 1 || info.type !== 2) continue
    const entry = info.inner()
    let key: string | undefined
    let value: string | number | boolean | null = null
    while (entry.next()) {
      if (entry.field === 1) key = entry.text()
      else if (entry.field === 2 && entry.type === 2) value = readValue(entry.inner())
    }
    // defineProperty: a key may be called __proto__.
    if (key !== undefined)
      Object.defineProperty(session.hparams, key, { value, enumerable: true, configurable: true, writable: true })
  }
}

/** google.protobuf.Value. */
function readValue(value: Wire): string | number | boolean | null {
  let read: string | number | boolean | null = null
  while (value.next()) {
    if (value.field === 2 && value.type === 1) read = value.double()
    else if (value.field === 3 && value.type === 2) read = value.text()
    else if (value.field === 4 && value.type === 0) read = value.varint !== 0
  }
  return read
}

const OUTCOMES = [undefined, 'success', 'failure', 'running'] as const

function readEnd(info: Wire, session: SessionInfo): void {
  while (info.next()) {
    if (info.field === 1 && info.type === 0) session.outcome = OUTCOMES[info.varint]
    else if (info.field === 2 && info.type === 1) session.ended = info.double() * 1000
  }
}
