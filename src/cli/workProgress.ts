import type { Work } from '../shared/api/engineProtocol'
import type { FromEngine } from '../shared/api/engineProtocol'
import { formatDuration } from './format'
import type { Output } from './output'

/** Where lines cannot be rewritten, progress is told at most this often; a program that reads it may show a bar. */
const LINE_EVERY_MS = 5_000
const OBJECT_EVERY_MS = 500

/** Shows the `work` frames of an engine: `12,000/68,000 texts  21,000 texts/s  2.7 s left`. */
export function workProgress(output: Output): (frame: FromEngine) => void {
  let what = ''
  let since = 0
  let told = performance.now()
  return (frame) => {
    if (frame.type !== 'work') return
    const now = performance.now()
    if (frame.work.what !== what) since = now
    what = frame.work.what
    const line = progressLine(frame.work, (now - since) / 1000)
    output.status(line)
    if (now - told < (output.json ? OBJECT_EVERY_MS : LINE_EVERY_MS)) return
    told = now
    output.object({ type: 'progress', ...frame.work })
    if (!output.live) output.say(line)
  }
}

function progressLine({ what, done, total }: Work, seconds: number): string {
  const count = (value: number): string => Math.round(value).toLocaleString('en')
  const rate = seconds > 0.2 ? done / seconds : 0
  return [
    `${count(done)}${total === undefined ? '' : `/${count(total)}`} ${what}`,
    ...(rate > 0 ? [`${count(rate)} ${what}/s`] : []),
    ...(rate > 0 && total !== undefined ? [`${formatDuration((total - done) / rate)} left`] : []),
  ].join('  ')
}
