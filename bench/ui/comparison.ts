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
      canvas: '[role="img"][aria-label^="train_loss by step"] canvas',
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
    // The first time is for the compiler.
    for (let n = 0; n <= repeats; n++) {
      const ms = await painted(opened.page, address, canvas)
      if (n > 0) took.push(ms)
    }
    return [figure(what, 'ms', took, { atMost: 1000 }), ...(await memory(opened, what))]
  } finally {
    await opened.app.close()
  }
}

/** To another page and back, until the picture no longer changes. */
async function painted(page: Page, address: string, canvas: string): Promise<number> {
  await page.evaluate(() => void (location.hash = '#/settings'))
  await page.waitForTimeout(500)
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
