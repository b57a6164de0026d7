import { writeRun, writeWorkspace } from './support/logFolder'
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
