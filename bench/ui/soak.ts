import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { appendMetrics, epochFigures, metricLine, writeRun } from '../../e2e/support/logFolder'
import { figure, type Figure } from './figures'
import { firstRow, open, type Opened } from './launch'

const RUNS = 20
/** Each run reports so often, as those of a small data set do. */
const EVERY_MS = 500
const SAMPLE_MS = 5_000
/** How long each page is looked at. */
const PAGE_MS = 20_000
const MOST_MB = 600

/**
 * Twenty runs that train and are looked at: on the page that compares them, in the table, and each by itself in turn. Other processes write
 * their folders, so that every figure goes the whole way: file, history, event, chart.
 */
export async function soak(
  folder: string,
  _repeats: number,
  _quick: boolean,
  say: (line: string) => void,
  minutes: number,
): Promise<Figure[]> {
  const root = join(folder, 'soak')
  rmSync(root, { recursive: true, force: true })
  const workspace = { logDir: join(root, 'lightning_logs'), userData: join(root, 'user-data') }
  const created = Date.now()
  const spec = { exp_name: 'soak', status: 'running', pid: process.pid, epochs: 1, created } as const
  const dirs = Array.from({ length: RUNS }, (_, n) => writeRun(workspace.logDir, { ...spec, exp_version: `v${n}` }))
  const ids = dirs.map((_, n) => `soak-v${n}-${created}`)
  const opened = await open(workspace)
  let epoch = 0
  const writing = setInterval(() => {
    epoch++
    for (const [n, dir] of dirs.entries())
      appendMetrics(dir, metricLine(epoch, created, epochFigures(epoch % 200, 0.4 + n / 40)))
  }, EVERY_MS)
  try {
    const { page } = opened
    await firstRow(page)
    const pages = [
      `#/compare?runs=${ids.join()}&tab=curves&one=runs`,
      '#/runs',
      ...ids.slice(0, 3).map((id) => `#/runs/${encodeURIComponent(id)}`),
      `#/compare?runs=${ids.join()}`,
    ]
    const held: number[] = []
    const started = performance.now()
    let turn = -1
    while (performance.now() - started < minutes * 60_000) {
      const now = Math.floor((performance.now() - started) / PAGE_MS)
      if (now !== turn) {
        turn = now
        await page.evaluate((hash) => void (location.hash = hash), pages[turn % pages.length] ?? '')
      }
      await sleep(SAMPLE_MS)
      held.push(await residentMB(opened))
      if (held.length % 12 === 0)
        say(`${Math.round((performance.now() - started) / 60_000)} min: ${Math.round(held.at(-1) ?? 0)} MB`)
    }
    const third = Math.floor(held.length / 3)
    // What is collected comes and goes; what is kept shows where the least is held.
    const least = Math.min(...held.slice(-third)) / Math.min(...held.slice(third, -third))
    const what = `${RUNS} live runs, ${minutes} min, ${epoch.toLocaleString('en')} epochs each`
    return [
      figure(`${what}: most memory of the page's process`, 'MB', [Math.max(...held)], { atMost: MOST_MB }),
      figure(`${what}: memory of the page's process`, 'MB', held, { atMost: MOST_MB }),
      figure(`${what}: the least of the last third against that of the second`, '', [least], { atMost: 1.1 }),
      figure(`${what}: heap of the page's script, collected`, 'MB', [await heapMB(opened)]),
    ]
  } finally {
    clearInterval(writing)
    await opened.app.close()
  }
}

/** A busy V8 collects the promise that the debugger waits for now and then: then it is asked again. */
const MAX_TRIES = 5

async function residentMB({ app }: Opened): Promise<number> {
  for (let tries = 1; ; tries++)
    try {
      return await app.evaluate(({ app: electron }) =>
        electron
          .getAppMetrics()
          .filter(({ type }) => type === 'Tab')
          .reduce((sum, { memory: { workingSetSize } }) => sum + workingSetSize / 1000, 0),
      )
    } catch (error) {
      if (tries === MAX_TRIES || !String(error).includes('promise was garbage collected')) throw error
    }
}

/** What is left after a collection, which nothing asks for before the end: it would hide what grows. */
async function heapMB({ session }: Opened): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  return usedSize / 1e6
}
