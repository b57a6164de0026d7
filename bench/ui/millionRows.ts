import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { median } from '../harness/statistics'
import { figure, type Figure } from './figures'
import { open } from './launch'
import { memory } from './runsTable'
import type { Workspace } from './workspaces'

/** The rows of a data set of a million pairs: from the wish to see them to the last row, a word or a user among them. */
export async function millionRows(folder: string, repeats: number, quick: boolean): Promise<Figure[]> {
  const rows = quick ? 20_000 : 1_000_000
  const name = `${rows.toLocaleString('en')} rows`
  const opened = await open(workspaceOf(folder, rows))
  const { page } = opened
  try {
    await page.waitForSelector('nav')
    await page.evaluate(() => void (location.hash = '#/datasets'))
    await page.getByRole('navigation', { name: 'Data sets' }).getByRole('link', { name: 'million' }).click()
    const first = await firstRows(page, '#tab-rows')
    // Whatever is searched or filtered waits for the end of the file.
    const read = await seconds(() =>
      page.waitForFunction(
        (n) => document.querySelector('[role=grid]')?.getAttribute('aria-rowcount') === String(n + 1),
        rows,
        {
          timeout: 300_000,
          polling: 200,
        },
      ),
    )
    await page.waitForSelector('[role=grid][aria-busy=false]', { timeout: 300_000 })
    // The check and the figures of this data set run beside it.
    await page.waitForFunction(() => !document.querySelector('[role=progressbar]'), undefined, { timeout: 300_000 })
    const measured = {
      end: [] as number[],
      wheel: [] as number[],
      drag: [] as number[],
      find: [] as number[],
    }
    const slowest: number[] = []
    for (let n = 0; n < repeats; n++) {
      measured.end.push(await toTheEnd(page))
      for (const how of ['wheel', 'drag'] as const) {
        const frames = await scrolling(page, how)
        measured[how].push(median(frames))
        slowest.push(Math.max(...frames))
      }
      measured.find.push(await searching(page, `Answer ${1000 + n}:`))
    }
    // Once: the order is remembered afterwards.
    const sort = await sorting(page)
    return [
      figure(`${name}: tab until the first rows are painted`, 'ms', [first]),
      figure(`${name}: read to the end`, 's', [read]),
      figure(`${name}: to the last row`, 'ms', measured.end, { atMost: 200 }),
      figure(`${name}: a frame while turning the wheel`, 'ms', measured.wheel, { atMost: 20 }),
      figure(`${name}: a frame while dragging the bar`, 'ms', measured.drag, { atMost: 20 }),
      figure(`${name}: slowest frame of both`, 'ms', slowest),
      figure(`${name}: search, from the last letter`, 'ms', measured.find, { atMost: 1_000 }),
      figure(`${name}: sort by a number`, 'ms', [sort], { atMost: 1_000 }),
      ...(await memory(opened, name)),
    ]
  } finally {
    await opened.app.close()
  }
}

const WORDS =
  'quick brown foxes jump over lazy dogs while purple elephants dance under moonlight telling stories of rivers'.split(
    ' ',
  )

/** Made once: pairs of 5,000 users over texts that repeat, 600 bytes a row. */
function workspaceOf(folder: string, rows: number): Workspace {
  const base = join(folder, `million-${rows}`)
  const userData = join(base, 'user-data')
  const logDir = join(base, 'logs')
  const data = join(userData, 'history', 'datasets', 'million')
  const complete = join(data, 'complete')
  if (existsSync(complete)) return { logDir, userData }
  rmSync(base, { recursive: true, force: true })
  for (const dir of [logDir, data]) mkdirSync(dir, { recursive: true })
  let state = 7
  const random = (below: number): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
  const text = (head: string, words: number): string =>
    `${head}: ${Array.from({ length: words }, () => WORDS[random(WORDS.length)]).join(' ')}`
  const prompts = Array.from({ length: rows / 50 }, (_, n) => text(`Question ${n}`, 10 + (n % 12)))
  const answers = Array.from({ length: 0.4 * rows }, (_, n) => text(`Answer ${n}`, 20 + (n % 30)))
  const handle = openSync(join(data, 'train.jsonl'), 'w')
  let waiting = ''
  for (let id = 0; id < rows; id++) {
    const qid = random(prompts.length)
    const [prompt, chosen, rejected] = [prompts[qid], answers[random(answers.length)], answers[random(answers.length)]]
    const topic = ['food', 'music', 'travel', 'sport', 'code'][qid % 5]
    waiting += `${JSON.stringify({ u_id: random(5000), id, prompt, chosen, rejected, topic, qid, score: random(1_000_000) })}\n`
    if (waiting.length < 1 << 22 && id < rows - 1) continue
    writeSync(handle, waiting)
    waiting = ''
  }
  closeSync(handle)
  const files = '{ df_file: train.jsonl, text_file: texts.json, emb_file: emb.npy }'
  writeFileSync(join(data, 'data_configs.yaml'), `million:\n  dts_path: .\n  train: ${files}\n`)
  writeFileSync(complete, '')
  return { logDir, userData }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** From a click until the table has rows, and they are painted. */
function firstRows(page: Page, selector: string): Promise<number> {
  return page.evaluate(async (target) => {
    const started = performance.now()
    document.querySelector<HTMLElement>(target)?.click()
    while (document.querySelectorAll('[role=grid] [role=gridcell]').length < 4 && performance.now() - started < 60_000)
      await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    return performance.now() - started
  }, selector)
}

/** By the End key, until the last row's own number is there. */
function toTheEnd(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const grid = document.querySelector<HTMLElement>('[role=grid]')
    if (!grid) throw new Error('no table')
    const last = Number(grid.getAttribute('aria-rowcount'))
    const press = (key: string): void => void grid.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
    const there = (): boolean => !!grid.querySelector(`[role=row][aria-rowindex="${last}"] [role=rowheader]`)
    press('Home')
    while (there()) await new Promise(requestAnimationFrame)
    const started = performance.now()
    press('End')
    while (!there() && performance.now() - started < 10_000) await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    const took = performance.now() - started
    press('Home')
    return took
  })
}

/** Times between frames while somebody hurries through the table. */
function scrolling(page: Page, how: 'wheel' | 'drag'): Promise<number[]> {
  return page.evaluate(async (by) => {
    const grid = document.querySelector<HTMLElement>('[role=grid]')
    if (!grid) throw new Error('no table')
    const frames: number[] = []
    let last = await new Promise<number>(requestAnimationFrame)
    for (let n = 0; n < 120; n++) {
      if (by === 'drag') grid.scrollTop += (grid.scrollHeight - grid.clientHeight) / 130
      else grid.dispatchEvent(new WheelEvent('wheel', { deltaY: 400, bubbles: true, cancelable: true }))
      const now = await new Promise<number>(requestAnimationFrame)
      frames.push(now - last)
      last = now
    }
    grid.scrollTop = 0
    return frames
  }, how)
}

/** Until the table is as short as what was found. */
async function searching(page: Page, text: string): Promise<number> {
  const box = page.getByRole('searchbox', { name: 'Search all texts' })
  await box.fill('')
  await page.waitForTimeout(600)
  const started = performance.now()
  await box.fill(text)
  await page.waitForFunction(
    () => Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount')) < 100,
    undefined,
    {
      timeout: 60_000,
      polling: 'raf',
    },
  )
  const took = performance.now() - started
  await box.fill('')
  await page.waitForFunction(
    () => Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount')) > 1_000,
    undefined,
    {
      timeout: 60_000,
    },
  )
  return took
}

/** From the click on a column's head until other rows are there. */
function sorting(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const first = (): string | undefined => document.querySelector('[role=grid] [role=rowheader]')?.textContent?.trim()
    const header = [...document.querySelectorAll('[role=columnheader]')].find((one) =>
      one.textContent?.trim().startsWith('score'),
    )
    const button = header?.querySelector('button')
    if (!button) throw new Error('no column to sort by')
    const before = first()
    const started = performance.now()
    button.click()
    while ((first() === before || first() === undefined) && performance.now() - started < 30_000)
      await new Promise(requestAnimationFrame)
    return performance.now() - started
  })
}
