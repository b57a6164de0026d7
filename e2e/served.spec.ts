import { rmSync } from 'node:fs'
import { WebSocket } from 'ws'
import { experimentFiles, workspace } from '../src/core/testing/workspace'
import type { Reply } from '../src/shared/api/requests'
import { cutter } from './support/cutter'
import { writeRun, writeWorkspace } from './support/logFolder'
import { picture } from './support/pictures'
import { expect, startServer, test } from './support/served'

test.use({ viewport: { width: 1280, height: 800 } })

test('the served page shows the runs, follows them live, and ends cleanly on Ctrl-C', async ({
  serve,
  logDir,
  watched: page,
}) => {
  writeWorkspace(logDir)
  const server = await serve()
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32}$/)
  await page.goto(server.url)
  await expect(page.getByRole('row', { name: /crashed schedules\/onecycle/ })).toBeVisible()
  await page.getByRole('row', { name: /dims\/v5/ }).click()
  await expect(page.getByRole('img', { name: /^Loss by epoch/ })).toBeVisible()
  await page.screenshot({ path: 'artifacts/screenshots/served-1280x800.png' })
  writeRun(logDir, { exp_name: 'later', exp_version: 'v0', created: Date.now() + 60_000 })
  await expect(page.getByRole('row', { name: /later\/v0/ })).toBeVisible()
  await page.goto('about:blank')
  expect(await server.stop()).toBe(0)
})

test.describe('after the server has gone', () => {
  test.use({ expectedErrors: [/WebSocket|net::ERR_|403/] })

  test('the page says so, and a new token shuts it out with a reason', async ({ serve, logDir, watched: page }) => {
    writeRun(logDir, { exp_name: 'a', exp_version: 'v0' })
    const server = await serve()
    await page.goto(server.url)
    await expect(page.getByRole('row', { name: /a\/v0/ })).toBeVisible()
    await server.stop()
    await expect(page.getByText('Connection lost, trying again…')).toBeVisible()
    const again = await startServer(logDir, Number(new URL(server.url).port))
    await expect(page.getByRole('heading', { name: 'The server does not know this page any more' })).toBeVisible()
    await again.stop()
  })
})

test.describe('a part of the page that cannot be read', () => {
  test.use({ expectedErrors: [/net::ERR_/] })

  test('is an error nobody can do anything about, or is missing for ever', async ({ serve, logDir, watched: page }) => {
    writeRun(logDir, { exp_name: 'a', exp_version: 'v0' })
    const { url } = await serve()
    const part = /\/assets\/RunPanel-[^/]*\.js$/
    let refused = 0
    await page.route(part, (route) => (refused++, route.abort()))
    await page.goto(url)
    await page.getByRole('row', { name: /a\/v0/ }).click()
    await expect.poll(() => refused).toBeGreaterThan(1)
    await page.unroute(part)
    await expect(page.getByRole('tab', { name: 'Curves' })).toBeVisible()
  })
})

test.describe('a page that cannot be read', () => {
  test.use({ expectedErrors: [/net::ERR_/] })

  test('leaves whoever asked for it where they were, or has no styles when it is read after all', async ({
    serve,
    watched: page,
  }) => {
    const { url } = await serve()
    await page.goto(url)
    const parts = /\/assets\/SettingsPage-[^/]*\.(js|css)$/
    await page.route(parts, (route) => route.abort())
    await page.getByRole('link', { name: 'Settings' }).click()
    const missing = page.getByRole('alert').filter({ hasText: 'This part of the page could not be read' })
    await expect(missing).toBeVisible()
    await picture(page, 'page-missing')
    // Just after it has been asked for in vain, so that the button is what asks next.
    await page.waitForEvent('requestfailed')
    await page.unroute(parts)
    await missing.getByRole('button', { name: 'Try again' }).dispatchEvent('click')
    await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible()
    await expect(missing).toBeHidden()
    const styles = await page.evaluate(() => [...document.styleSheets].map(({ href }) => href))
    expect(styles).toContainEqual(expect.stringMatching(/\/assets\/SettingsPage-[^/]*\.css$/))
  })
})

test('without the token there is no page, and with a wrong one neither', async ({ serve, request }) => {
  const { url } = await serve()
  const base = new URL('/', url)
  expect((await request.get(base.href)).status()).toBe(403)
  expect((await request.get(new URL('/?token=wrong', url).href)).status()).toBe(403)
  expect((await request.get(new URL('/index.html', url).href)).status()).toBe(403)
  const page = await request.get(url)
  expect(page.status()).toBe(200)
  expect(page.headers()['content-security-policy']).toContain("default-src 'none'")
})

test.describe('from a page of another origin', () => {
  test.use({ expectedErrors: [/./] })

  test('no socket can be opened even with the right token', async ({ serve, watched: page }) => {
    const one = await serve()
    const other = await serve()
    await page.goto(other.url)
    const outcome = await page.evaluate(async (url) => {
      const target = new URL(url)
      const socket = new WebSocket(`ws://${target.host}/socket${target.search}`)
      return new Promise((resolve) => {
        socket.addEventListener('open', () => resolve('open'))
        socket.addEventListener('error', () => resolve('refused'))
      })
    }, one.url)
    expect(outcome).toBe('refused')
  })
})

/** Asks a server as a page would, but outlives the network between the page and it. */
async function askServer(url: string, route: string, input: unknown): Promise<Record<string, unknown>> {
  const { host, search, origin } = new URL(url)
  const socket = new WebSocket(`ws://${host}/socket${search}`, { headers: { origin } })
  const reply = await new Promise<Reply<unknown>>((resolve, reject) => {
    socket.on('open', () => socket.send(JSON.stringify({ id: 1, route, input })))
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as { id?: number; reply: Reply<unknown> }
      if (frame.id === 1) resolve(frame.reply)
    })
    socket.on('error', reject)
  })
  socket.close()
  if (!reply.ok) throw new Error(`${route}: ${reply.error.message}`)
  return Object(reply.data)
}

test.describe('over a network that fails', () => {
  test.use({ expectedErrors: [/WebSocket|net::ERR_/] })

  test('a page catches up with a run that trained on meanwhile, and its curve has no gap', async ({
    serve,
    watched: page,
    context,
  }) => {
    const work = workspace()
    const server = await serve(0, ['--root', work])
    const network = await cutter(Number(new URL(server.url).port))
    /** What the page is told, in order: whole histories, and figures that continue them. */
    const told: { from: number; to: number; whole: boolean }[] = []
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        const frame = JSON.parse(String(payload)) as {
          event?: string
          payload?: { first: number; sequence: number }
          reply?: Reply<unknown>
        }
        if (frame.event === 'run.metrics' && frame.payload)
          told.push({ from: frame.payload.first, to: frame.payload.sequence, whole: false })
        const series: { sequence: number }[] = Object(frame.reply?.ok && frame.reply.data).series ?? []
        if (series.length > 0)
          told.push({ from: 1, to: Math.max(...series.map(({ sequence }) => sequence)), whole: true })
      }),
    )
    const experiment = {
      ...experimentFiles(work),
      dts_name: 'small',
      exp_name: 'endless',
      backend: 'wasm',
      changes: { 'trainer.max_epochs': 10_000_000 },
    }
    try {
      const { id } = await askServer(server.url, 'runs.start', { experiment })
      const url = new URL(server.url)
      url.port = String(network.port)
      await page.goto(url.href)
      // A second page on the same server, straight.
      const other = await context.newPage()
      await other.goto(server.url)
      const chart = /^Loss by epoch/
      const label = (of: typeof page) => of.getByRole('img', { name: chart }).getAttribute('aria-label')
      const epochs = async (of: typeof page) => Number(/(\d+) epochs/.exec((await label(of)) ?? '')?.[1] ?? 0)
      await expect.poll(() => epochs(page)).toBeGreaterThan(10)

      network.cut()
      await expect(page.getByText('Connection lost, trying again…')).toBeVisible()
      // What came before the cut may still wait to be drawn: the page is read once it stands still.
      let before = 0
      const drawnSince = async (): Promise<number> => {
        const last = before
        before = await epochs(page)
        return before - last
      }
      await expect.poll(drawnSince, { intervals: [500] }).toBe(0)
      const missed = told.at(-1)?.to ?? 0
      await expect.poll(() => epochs(other)).toBeGreaterThan(before + 20)
      expect(await epochs(page)).toBe(before)
      network.mend()
      await expect.poll(() => epochs(page)).toBeGreaterThan(before + 20)
      await expect(page.getByText('Connection lost, trying again…')).toBeHidden()
      await askServer(server.url, 'runs.stop', { id })
      await expect.poll(async () => (await askServer(server.url, 'queue.get', {}))['waiting']).toEqual([])
      await expect(page.getByRole('row', { name: /stopped endless\/v0/ })).toBeVisible()

      // After the cut a whole history, beyond what was missed; from there on numbers without a gap, up to the end.
      const whole = told.findIndex((one) => one.whole && one.to > missed)
      expect(whole).toBeGreaterThan(0)
      const run = await askServer(server.url, 'runs.get', { id })
      const known = (): number => {
        let last = told[whole]?.to ?? 0
        for (const { from, to, whole: all } of told.slice(whole + 1)) {
          if (!all) expect(from).toBeLessThanOrEqual(last + 1)
          last = Math.max(last, to)
        }
        return last
      }
      const real = (run['history'] as { values: object }[]).filter(({ values }) => 'train_loss' in values).length
      await expect.poll(() => epochs(page)).toBe(real)
      await expect.poll(() => epochs(other)).toBe(real)
      // The end is told by every figure that is drawn: reading the folder anew at the end, once or twice, counts without a new figure.
      expect(known()).toBeGreaterThan(missed)
    } finally {
      await network.close()
      rmSync(work, { recursive: true, force: true })
    }
  })
})
