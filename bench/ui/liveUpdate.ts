import type { Opened } from './launch'
import { figure, type Figure } from './figures'
import { open } from './launch'
import { memory } from './runsTable'
import { longRun, measured } from './workspaces'

const UPDATES = 50
/** As core publishes them, a few times a second. */
const EVERY_MS = 60
const BATCH = 10

/** What one live update costs the page's thread, early in a run and late in a very long one. */
export async function liveUpdate(folder: string, repeats: number, quick: boolean): Promise<Figure[]> {
  const late = quick ? 20_000 : 1_000_000
  const cost = new Map<number, number[]>()
  const figures: Figure[] = []
  // From some thousand steps on the picture is full: before that there is less to draw.
  const full = late / 10
  const counts = [100, full, late]
  const opened = new Map<number, Opened>()
  try {
    for (const steps of counts) {
      const one = await open(longRun(folder, steps))
      opened.set(steps, one)
      await showRun(one)
      await one.session.send('Performance.enable')
      cost.set(steps, [])
    }
    const next = new Map(counts.map((steps) => [steps, steps]))
    for (let n = 0; n <= repeats; n++)
      for (const [steps, one] of opened) {
        const from = next.get(steps) ?? steps
        const spent = await update(one, from)
        next.set(steps, from + UPDATES * BATCH)
        // The first time is for the compiler.
        if (n > 0) cost.get(steps)?.push(spent)
      }
    for (const [steps, list] of cost)
      figures.push(figure(`one live update at step ${steps.toLocaleString('en')}: the page's thread`, 'ms', list))
    const [early = 1, middle = 1, much = 1] = figures.map(({ median }) => median)
    figures.push(figure('the same, late against early', '', [much / early]))
    figures.push(
      figure(`the same, late against step ${full.toLocaleString('en')}`, '', [much / middle], { atMost: 1.2 }),
    )
    const long = opened.get(late)
    if (long) figures.push(...(await memory(long, `a run of ${late.toLocaleString('en')} steps`)))
    return figures
  } finally {
    for (const { app } of opened.values()) await app.close()
  }
}

async function showRun({ page }: Opened): Promise<void> {
  const id = await page.evaluate(async () => {
    const reply = await window.delta?.request('runs.list', {})
    return String(Object(reply?.ok && reply.data).runs[0].id)
  })
  await page.waitForTimeout(1_000)
  const hasRouter = await page.evaluate(() => location.hash.startsWith('#/'))
  if (hasRouter) await page.evaluate((run) => void (location.hash = `#/runs/${encodeURIComponent(run)}`), id)
  await page.waitForSelector('canvas', { timeout: 120_000 })
  await page.waitForTimeout(2_000)
  await page.evaluate((run) => Reflect.set(window, 'benchRun', run), id)
}

/** Milliseconds of the page's thread per update, what it does when nothing comes taken off. */
async function update({ app, page, session }: Opened, from: number): Promise<number> {
  const runId: string = await page.evaluate(() => Reflect.get(window, 'benchRun'))
  const busy = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics')
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0)
  }
  const before = await busy()
  await page.waitForTimeout(UPDATES * EVERY_MS)
  const idle = (await busy()) - before
  const events = Array.from({ length: UPDATES }, (_, n) => {
    const first = from + n * BATCH
    const batches = measured(first, first + BATCH)
    return { event: 'run.metrics', payload: { runId, first: first + 1, sequence: first + BATCH, batches } }
  })
  const started = await busy()
  await app.evaluate(
    async ({ BrowserWindow }, { list, every }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents
      for (const event of list) {
        contents?.send('delta:event', event)
        await new Promise((resolve) => setTimeout(resolve, every))
      }
    },
    { list: events, every: EVERY_MS },
  )
  return Math.max(0, ((await busy()) - started - idle) / UPDATES)
}
