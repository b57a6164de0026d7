import { figure, type Figure } from './figures'
import { open } from './launch'
import { longCurves } from './workspaces'

/** Curves of many long runs, asked for by the page as it asks for a picture. */
export async function curves(folder: string, repeats: number, quick: boolean): Promise<Figure[]> {
  const [runs, steps] = quick ? [10, 2_000] : [50, 10_000]
  const { ids, ...workspace } = longCurves(folder, runs, steps)
  const { app, page } = await open(workspace)
  try {
    const ask = (smoothing: number): Promise<number> =>
      page.evaluate(
        async (query) => {
          const started = performance.now()
          const reply = await window.delta?.request('history.query', query)
          if (!reply?.ok) throw new Error(reply?.error.message)
          return performance.now() - started
        },
        { runs: ids, metrics: ['train_loss'], buckets: 800, smoothing },
      )
    await ask(0)
    const plain: number[] = []
    const smooth: number[] = []
    for (let n = 0; n < repeats; n++) {
      plain.push(await ask(0))
      smooth.push(await ask(0.9))
    }
    const what = `${runs} runs × ${steps.toLocaleString('en')} steps`
    return [
      figure(`${what}: curves in the page`, 'ms', plain, { atMost: 1000 }),
      figure(`${what}: smoothed`, 'ms', smooth, { atMost: 1000 }),
    ]
  } finally {
    await app.close()
  }
}
