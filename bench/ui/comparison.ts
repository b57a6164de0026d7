import type { Page } from 'playwright-core'
import { figure, type Figure } from './figures'
import { open, type Opened } from './launch'
import { memory } from './runsTable'
import { longCurves, variedRuns, type Workspace } from './workspaces'

/** A picture that has not changed for so long is done. */
const STILL_MS = 600

/** Runs laid out by their parameters, and long curves over each other: from the wish until the last pixel is painted. */
export async function comparison(folder: string, repeats: number, quick: boolean): Promise<Figure[]> {
  const count = quick ? 200 : 2_000
  const [curves, steps] = quick ? [10, 2_000] : [50, 10_000]
  const varied = variedRuns(folder, count)
  const long = longCurves(folder, curves, steps)
  return [
    ...(await drawn(varied, repeats, {
      what: `${count.toLocaleString('en')} runs in parallel coordinates`,
      address: `runs=${varied.ids.join()}&tab=parameters`,
      canvas: '[aria-label^="Parallel coordinates of"] canvas',
    })),
    ...(await drawn(long, repeats, {
      what: `${curves} runs × ${steps.toLocaleString('en')} steps drawn`,
      address: `runs=${long.ids.join()}&tab=curves&one=runs&x=step&metrics=train_loss`,
      // Of curves that are there: an empty chart is still, too.
      canvas: '[role="img"][aria-label^="train_loss by step, last values: live"] canvas',
    })),
  ]
}

interface Shown {
  what: string
  address: string
  canvas: string
}

async function drawn(workspace: Workspace, repeats: number, { what, address, canvas }: Shown): Promise<Figure[]> {
  const opened: Opened = await open(workspace)
  try {
    await opened.page.waitForSelector('main', { timeout: 120_000 })
    await opened.page.waitForTimeout(2_000)
    const took: number[] = []
    const [page, main]: [number[], number[]] = [[], []]
    // The first time is for the compiler.
    for (let n = 0; n <= repeats; n++) {
      await opened.page.evaluate(() => void (location.hash = '#/settings'))
      await opened.page.waitForTimeout(1_500)
      const before = await computed(opened)
      const ms = await painted(opened.page, address, canvas)
      const after = await computed(opened)
      if (n === 0) continue
      took.push(ms)
      page.push(after.page - before.page)
      main.push(after.main - before.main)
    }
    return [
      figure(what, 'ms', took, { atMost: 1000 }),
      // What others on the machine do not change.
      figure(`${what}: processor time of the page's process`, 'ms', page),
      figure(`${what}: processor time of the main process`, 'ms', main),
      ...(await memory(opened, what)),
    ]
  } finally {
    await opened.app.close()
  }
}

/** Processor time so far, in ms. */
async function computed({ app }: Opened): Promise<{ page: number; main: number }> {
  return app.evaluate(({ app: electron }) => {
    const of = (wanted: string): number =>
      electron
        .getAppMetrics()
        .filter(({ type }) => type === wanted)
        .reduce((sum, { cpu }) => sum + 1000 * (cpu.cumulativeCPUUsage ?? 0), 0)
    return { page: of('Tab'), main: of('Browser') }
  })
}

/** From another page to this one, until the picture no longer changes. */
async function painted(page: Page, address: string, canvas: string): Promise<number> {
  return page.evaluate(
    async ([query, selector, still]) => {
      const small = Object.assign(document.createElement('canvas'), { width: 96, height: 48 })
      const context = small.getContext('2d', { willReadFrequently: true })
      if (!context) throw new Error('no canvas')
      const look = (): string => {
        const shown = document.querySelector(selector)
        if (!(shown instanceof HTMLCanvasElement)) return ''
        context.clearRect(0, 0, small.width, small.height)
        context.drawImage(shown, 0, 0, small.width, small.height)
        return context.getImageData(0, 0, small.width, small.height).data.join()
      }
      const started = performance.now()
      location.hash = `#/compare?${query}`
      let [last, changed] = ['', started]
      while (last === '' || performance.now() - changed < still) {
        await new Promise(requestAnimationFrame)
        const now = look()
        if (now !== last) [last, changed] = [now, performance.now()]
        if (performance.now() - started > 60_000) throw new Error(`nothing is drawn at ${selector}`)
      }
      return changed - started
    },
    [address, canvas, STILL_MS] as const,
  )
}
