import type { Page } from 'playwright-core'
import { median } from '../harness/statistics'
import { figure, type Figure } from './figures'
import { firstRow, open, ROWS, type Opened } from './launch'
import { manyRuns } from './workspaces'

/** The table of ten thousand runs: from the wish to see it, sort it or filter it until its rows are painted. */
export async function runsTable(folder: string, repeats: number, quick: boolean): Promise<Figure[]> {
  const count = quick ? 500 : 10_000
  const opened = await open(manyRuns(folder, count))
  const { page } = opened
  try {
    await firstRow(page)
    // Compiled and settled.
    await page.waitForTimeout(3_000)
    await navigation(page)
    const measured = {
      navigation: [] as number[],
      sort: [] as number[],
      filter: [] as number[],
      frames: [] as number[],
    }
    const slowest: number[] = []
    for (let n = 0; n < repeats; n++) {
      measured.navigation.push(await navigation(page))
      measured.sort.push(await sorting(page))
      measured.filter.push(await filtering(page))
      const frames = await scrolling(page)
      measured.frames.push(median(frames))
      slowest.push(Math.max(...frames))
    }
    const runs = `${count.toLocaleString('en')} runs`
    return [
      figure(`${runs}: navigation until rows are painted`, 'ms', measured.navigation, { atMost: 500 }),
      figure(`${runs}: sort by a column`, 'ms', measured.sort, { atMost: 500 }),
      figure(`${runs}: filter`, 'ms', measured.filter, { atMost: 500 }),
      figure(`${runs}: a frame while scrolling`, 'ms', measured.frames, { atMost: 20 }),
      figure(`${runs}: slowest frame while scrolling`, 'ms', slowest),
      ...(await memory(opened, runs)),
    ]
  } finally {
    await opened.app.close()
  }
}

/** To another page and back, where there is one; else the whole page is loaded again. */
async function navigation(page: Page): Promise<number> {
  if (!(await hasRouter(page))) {
    await page.reload({ waitUntil: 'commit' })
    return page.evaluate(async (rows) => {
      while (!document.querySelector(rows)) await new Promise(requestAnimationFrame)
      await new Promise(requestAnimationFrame)
      return performance.now()
    }, ROWS)
  }
  await page.evaluate(() => void (location.hash = '#/settings'))
  await page.waitForSelector(ROWS, { state: 'detached' })
  await page.waitForTimeout(200)
  return page.evaluate(async (rows) => {
    const started = performance.now()
    location.hash = '#/runs'
    while (!document.querySelector(rows)) await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    return performance.now() - started
  }, ROWS)
}

const hasRouter = (page: Page): Promise<boolean> => page.evaluate(() => location.hash.startsWith('#/'))

/** Until the first row has become another one. */
function sorting(page: Page): Promise<number> {
  return page.evaluate(async (rows) => {
    const text = () => document.querySelector(rows)?.textContent
    const header = [...document.querySelectorAll('[role="columnheader"], th')].find((one) =>
      /acc/.test(one.textContent ?? ''),
    )
    const target = header?.querySelector('button') ?? header
    if (!(target instanceof HTMLElement)) throw new Error('no column to sort by')
    const before = text()
    const started = performance.now()
    target.click()
    while (text() === before && performance.now() - started < 10_000) await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    return performance.now() - started
  }, ROWS)
}

const FILTER =
  'input[type="search"], input[role="searchbox"], [aria-label*="Filter" i] input, input[aria-label*="Filter" i]'

/** One letter at a time, as people type, until the rows are those that were asked for. */
async function filtering(page: Page): Promise<number> {
  const box = page.locator(FILTER).first()
  await box.fill('')
  await page.waitForTimeout(300)
  const took = await page.evaluate(
    async ([rows, filter]) => {
      const box = document.querySelector(filter)
      if (!(box instanceof HTMLInputElement)) throw new Error('no filter')
      const started = performance.now()
      box.value = 'exp-42'
      box.dispatchEvent(new Event('input', { bubbles: true }))
      const done = (): boolean => {
        const shown = [...document.querySelectorAll(rows)]
        return shown.length > 0 && shown.every((row) => row.textContent?.includes('exp-42'))
      }
      while (!done() && performance.now() - started < 10_000) await new Promise(requestAnimationFrame)
      await new Promise(requestAnimationFrame)
      return performance.now() - started
    },
    [ROWS, FILTER] as const,
  )
  await box.fill('')
  await page.waitForTimeout(300)
  return took
}

/** Times between frames while the table is scrolled by half a page each. */
function scrolling(page: Page): Promise<number[]> {
  return page.evaluate(async (rows) => {
    let scroller = document.querySelector(rows)?.parentElement
    while (scroller && scroller.scrollHeight <= scroller.clientHeight + 50) scroller = scroller.parentElement
    if (!scroller) throw new Error('nothing to scroll')
    const frames: number[] = []
    scroller.scrollTop = 0
    let last = await new Promise<number>(requestAnimationFrame)
    for (let n = 0; n < 90; n++) {
      scroller.scrollTop += scroller.clientHeight / 2
      const now = await new Promise<number>(requestAnimationFrame)
      frames.push(now - last)
      last = now
    }
    scroller.scrollTop = 0
    return frames
  }, ROWS)
}

/** What the processes hold, and what of it the page's script does. */
export async function memory({ app, session }: Pick<Opened, 'app' | 'session'>, where: string): Promise<Figure[]> {
  const kilobytes = await app.evaluate(({ app: electron }) =>
    electron.getAppMetrics().map(({ type, memory: { workingSetSize } }) => ({ type, size: workingSetSize })),
  )
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  const of = (type: string): number =>
    kilobytes.filter((one) => one.type === type).reduce((sum, { size }) => sum + size, 0) / 1000
  return [
    figure(`${where}: memory of the page's process`, 'MB', [of('Tab')]),
    figure(`${where}: memory of the main process`, 'MB', [of('Browser')]),
    figure(`${where}: heap of the page's script`, 'MB', [usedSize / 1e6]),
  ]
}
