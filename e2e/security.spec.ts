import { join } from 'node:path'
import { expect, ROOT, test } from './support/electron'
import { writeRun } from './support/logFolder'

// Each attack leaves its trace in the console.
test.use({ expectedErrors: [/./] })

test('the page has no Node, no Electron, and two functions as its whole way out', async ({ open }) => {
  const { page } = await open()
  const found = await page.evaluate(() => ({
    globals: ['require', 'process', 'module', 'Buffer', 'global', 'electron', 'ipcRenderer'].filter(
      (name) => name in window,
    ),
    bridge: Object.keys(window.delta ?? {}).sort(),
    frozen: Object.isFrozen(window.delta),
  }))
  expect(found).toEqual({ globals: [], bridge: ['on', 'request'], frozen: true })
})

test('evaluated and inline scripts, frames and workers from elsewhere do not run', async ({ open }) => {
  const { page } = await open()
  const outcome = await page.evaluate(async () => {
    const violations: string[] = []
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
      violations.push(effectiveDirective),
    )
    // The debugger that runs this test may evaluate text, until it first waits.
    await new Promise((resolve) => setTimeout(resolve, 0))
    const evaluated = await Promise.resolve()
      .then(() => new Function('return 1')())
      .catch(() => 'refused')
    const script = document.createElement('script')
    script.textContent = 'window.hacked = true'
    document.body.append(script)
    const image = document.createElement('div')
    image.innerHTML = '<img src="nowhere" onerror="window.hacked = true"><b style="color: red">x</b>'
    document.body.append(image)
    const frame = document.createElement('iframe')
    frame.src = 'https://example.com/'
    document.body.append(frame)
    await new Promise((resolve) => setTimeout(resolve, 300))
    return { evaluated, hacked: 'hacked' in window, violations: [...new Set(violations)].sort() }
  })
  expect(outcome.evaluated).toBe('refused')
  expect(outcome.hacked).toBe(false)
  expect(outcome.violations).toEqual([
    'frame-src',
    'script-src',
    'script-src-attr',
    'script-src-elem',
    'style-src-attr',
  ])
})

test('the page cannot leave, open a window or submit a form', async ({ open }) => {
  const { app, page } = await open()
  const before = page.url()
  const opened = await page.evaluate(() => {
    const results = ['https://example.com/', 'file:///etc/passwd', 'app://workbench/'].map(
      (url) => window.open(url) !== null,
    )
    const link = document.createElement('a')
    link.href = 'file:///etc/passwd'
    link.target = '_blank'
    document.body.append(link)
    link.click()
    const form = document.createElement('form')
    form.action = 'https://example.com/'
    document.body.append(form)
    form.submit()
    return results
  })
  expect(opened).toEqual([false, false, false])
  for (const target of [
    'https://example.com/',
    'file:///etc/passwd',
    'data:text/html,x',
    'app://elsewhere/',
    'javascript:1',
  ]) {
    await page.evaluate((url) => void (location.href = url), target)
    await page.waitForTimeout(100)
    expect(page.url()).toBe(before)
  }
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
})

test('app:// serves the page and nothing outside its folder', async ({ open }) => {
  const { page } = await open()
  const statuses = await page.evaluate(async () => {
    const paths = [
      '/index.html',
      '/../main/index.js',
      '/..%2fmain/index.js',
      '/%2e%2e/main/index.js',
      '/..%5cmain%5cindex.js',
      '/%00',
      '//etc/passwd',
      '/.fingerprint',
      '/assets/',
    ]
    return Promise.all(paths.map((path) => fetch(`app://workbench${path}`).then(({ status }) => status)))
  })
  expect(statuses[0]).toBe(200)
  for (const status of statuses.slice(1)) expect([403, 404]).toContain(status)
  for (const url of ['file:///etc/passwd', 'https://example.com/', 'app://elsewhere/index.html']) {
    const answer = await page.evaluate(
      (target) =>
        fetch(target).then(
          () => 'answered',
          () => 'refused',
        ),
      url,
    )
    expect(answer, url).toBe('refused')
  }
})

test('no permission is granted, but for writing to the clipboard', async ({ open }) => {
  const { page } = await open()
  const outcome = await page.evaluate(async () => ({
    notification: await Notification.requestPermission(),
    media: await navigator.mediaDevices.getUserMedia({ audio: true }).then(
      () => 'granted',
      () => 'denied',
    ),
    place: await new Promise((resolve) =>
      navigator.geolocation.getCurrentPosition(
        () => resolve('granted'),
        () => resolve('denied'),
      ),
    ),
    reading: await navigator.clipboard.readText().then(
      () => 'granted',
      () => 'denied',
    ),
  }))
  expect(outcome).toEqual({ notification: 'denied', media: 'denied', place: 'denied', reading: 'denied' })
})

test('requests that are unknown, malformed or reach for prototypes and paths are refused as data', async ({ open }) => {
  const { page } = await open()
  const codes = await page.evaluate(async () => {
    const attempts: [string, unknown][] = [
      ['runs.everything', {}],
      ['__proto__', {}],
      ['constructor', {}],
      ['runs.get', {}],
      ['runs.get', { id: 5 }],
      ['runs.get', { id: 'x'.repeat(1000) }],
      ['runs.get', { id: 'x', extra: true }],
      ['runs.get', { id: '../../../etc' }],
      ['runs.list', 'no object'],
    ]
    const replies = await Promise.all(attempts.map(([route, input]) => window.delta?.request(route, input)))
    return replies.map((reply) => (reply?.ok === false ? reply.error.code : 'answered'))
  })
  expect(codes).toEqual([
    'unknown_route',
    'unknown_route',
    'unknown_route',
    'usage',
    'usage',
    'usage',
    'usage',
    'not_found',
    'usage',
  ])
})

test('another page with the same preload is not answered', async ({ open }) => {
  const { app } = await open()
  const preload = join(ROOT, 'out', 'preload', 'index.cjs')
  const pages = [
    // A session of its own: the app's would not even load it.
    { url: 'data:text/html,<h1>hostile</h1>', partition: 'hostile' },
    { url: 'app://workbench/index.html', partition: undefined },
  ]
  for (const { url, partition } of pages) {
    const answer = await app.evaluate(
      async ({ BrowserWindow }, page) => {
        const { preload, partition } = page
        const hostile = new BrowserWindow({ show: false, webPreferences: { preload, partition, sandbox: true } })
        await hostile.loadURL(page.url)
        const found: unknown = await hostile.webContents.executeJavaScript(
          'window.delta.request("app.info", {}).then((reply) => reply.error?.message ?? "answered")',
        )
        hostile.destroy()
        return found
      },
      { preload, url, partition },
    )
    expect(answer, url).toBe('Requests are taken from the workbench window only')
  }
})

test('HTML in names, logs, configurations and reasons stays text', async ({ open, logDir }) => {
  const html = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><b>bold</b>'
  writeRun(logDir, {
    exp_name: html,
    exp_version: html,
    model_name: html,
    dts_name: html,
    status: 'failed',
    reason: html,
    warnings: [html],
    log: [html],
  })
  const { page } = await open()
  const panel = page.getByRole('region', { name: 'Selected run' })
  await expect(panel.getByRole('heading', { level: 2 })).toHaveText(`${html}/${html}`)
  await panel.getByRole('tab', { name: 'Log' }).click()
  await expect(panel.getByLabel('run.log')).toHaveText(html)
  const injected = await page.evaluate(() => ({
    elements: document.querySelectorAll('#app img, #app script, #app b').length,
    hacked: 'hacked' in window,
  }))
  expect(injected).toEqual({ elements: 0, hacked: false })
})
