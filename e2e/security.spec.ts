import { readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FORBIDDEN_PATHS, pathAttacks } from '../src/shared/testing/pathAttacks'
import { expect, ROOT, test } from './support/electron'
import { writeRun } from './support/logFolder'

/** The lines of "Security" in docs/guide/window.md: for each, what a hostile script in the page would try. */

// Each attack leaves its trace in the console.
test.use({ expectedErrors: [/./] })
test('the page has no Node, no Electron, and three functions as its whole way out', async ({ open }) => {
  const { app, page } = await open()
  const found = await page.evaluate(async () => {
    // The debugger that runs this test may evaluate text, until it first waits.
    await new Promise((resolve) => setTimeout(resolve, 0))
    const refused = (work: () => unknown): Promise<string> =>
      Promise.resolve()
        .then(work)
        .then(
          () => 'worked',
          () => 'refused',
        )
    const bridge = window.delta
    return {
      globals: ['require', 'process', 'module', 'Buffer', 'global', 'electron', 'ipcRenderer', 'webUtils'].filter(
        (name) => name in window,
      ),
      bridge: Object.keys(bridge ?? {}).sort(),
      frozen: Object.isFrozen(bridge),
      modules: await refused(() => import(String('node:fs'))),
      // A function of another world would bring that world's Function with it.
      constructed: await refused(() => Reflect.get(bridge?.request ?? {}, 'constructor')('return process')()),
      replaced: await refused(() => {
        'use strict'
        Object.assign(window.delta ?? {}, { request: null })
      }),
    }
  })
  expect(found).toEqual({
    globals: [],
    bridge: ['dropped', 'on', 'request'],
    frozen: true,
    modules: 'refused',
    constructed: 'refused',
    replaced: 'refused',
  })
  const preferences = await app.evaluate(({ BrowserWindow }) => {
    const contents: object | undefined = BrowserWindow.getAllWindows()[0]?.webContents
    return Reflect.get(contents ?? {}, 'getLastWebPreferences')?.call(contents) as Record<string, unknown>
  })
  expect(preferences).toMatchObject({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    nodeIntegrationInSubFrames: false,
    webSecurity: true,
    webviewTag: false,
  })
})

test('nothing evaluated, inline, framed or from elsewhere runs or loads', async ({ open }) => {
  const { page } = await open()
  const outcome = await page.evaluate(async () => {
    const violations: string[] = []
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
      violations.push(effectiveDirective),
    )
    await new Promise((resolve) => setTimeout(resolve, 0))
    const refused = (work: () => unknown): Promise<string> =>
      Promise.resolve()
        .then(work)
        .then(
          () => 'worked',
          () => 'refused',
        )
    const evaluated = [
      await refused(() => new Function('return 1')()),
      await refused(() => (0, eval)('1')),
      await refused(() => new (Object.getPrototypeOf(async () => {}).constructor)('return 1')()),
    ]
    setTimeout('window.hacked = true', 0)
    const add = (name: string, more: Record<string, string>): void => {
      document.body.append(Object.assign(document.createElement(name), more))
    }
    add('script', { textContent: 'window.hacked = true' })
    add('script', { src: 'https://example.com/x.js' })
    add('script', { src: 'data:text/javascript,window.hacked=true' })
    add('style', { textContent: 'body { display: none }' })
    add('link', { rel: 'stylesheet', href: 'https://example.com/x.css' })
    add('img', { src: 'https://example.com/x.png' })
    add('iframe', { src: 'https://example.com/' })
    add('iframe', { srcdoc: '<script>parent.hacked = true</script>' })
    add('object', { data: 'https://example.com/' })
    add('embed', { src: 'https://example.com/' })
    add('base', { href: 'https://example.com/' })
    add('video', { src: 'https://example.com/x.mp4' })
    const inline = document.createElement('div')
    inline.innerHTML = '<img src="nowhere" onerror="window.hacked = true"><b style="color: red">x</b>'
    document.body.append(inline)
    const fetched = await refused(() => fetch('https://example.com/'))
    const socket = await new Promise((resolve) => {
      try {
        const opened = new WebSocket('wss://example.com/')
        opened.onopen = () => resolve('worked')
        opened.onerror = () => resolve('refused')
      } catch {
        resolve('refused')
      }
    })
    const worker = await new Promise((resolve) => {
      try {
        const url = URL.createObjectURL(new Blob(['postMessage(1)'], { type: 'text/javascript' }))
        const made = new Worker(url)
        made.onmessage = () => resolve('worked')
        made.onerror = () => resolve('refused')
      } catch {
        resolve('refused')
      }
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    return {
      evaluated,
      fetched,
      socket,
      worker,
      hacked: 'hacked' in window,
      hidden: getComputedStyle(document.body).display === 'none',
      base: document.baseURI.startsWith('app://workbench/'),
      violations: [...new Set(violations)].sort(),
    }
  })
  expect(outcome).toEqual({
    evaluated: ['refused', 'refused', 'refused'],
    fetched: 'refused',
    socket: 'refused',
    worker: 'refused',
    hacked: false,
    hidden: false,
    base: true,
    violations: expect.arrayContaining([
      'base-uri',
      'connect-src',
      'frame-src',
      'img-src',
      'media-src',
      'object-src',
      'script-src',
      'script-src-attr',
      'script-src-elem',
      'style-src-attr',
      'style-src-elem',
      'worker-src',
    ]),
  })
})

test('the page cannot leave, open a window or submit a form', async ({ open }) => {
  const { app, page } = await open()
  // The page's own first step must not be taken for one away.
  await page.waitForURL('**/#/runs')
  const before = page.url()
  const opened = await page.evaluate(() => {
    const results = ['https://example.com/', 'file:///etc/passwd', 'app://workbench/', 'about:blank', ''].map(
      (url) => window.open(url) !== null,
    )
    for (const target of ['_blank', '_top']) {
      const link = document.createElement('a')
      link.href = 'file:///etc/passwd'
      link.target = target
      document.body.append(link)
      link.click()
    }
    const form = document.createElement('form')
    form.action = 'https://example.com/'
    document.body.append(form)
    form.submit()
    const refresh = document.createElement('meta')
    refresh.httpEquiv = 'refresh'
    refresh.content = '0; url=https://example.com/'
    document.head.append(refresh)
    return results
  })
  expect(opened).toEqual([false, false, false, false, false])
  for (const target of [
    'https://example.com/',
    'file:///etc/passwd',
    'data:text/html,x',
    'app://elsewhere/',
    'javascript:1',
    'chrome://gpu',
    'view-source:app://workbench/',
  ]) {
    await page.evaluate((url) => void (location.href = url), target).catch(() => undefined)
    await page.waitForTimeout(100)
    expect(page.url()).toBe(before)
  }
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
})

test('app:// serves the page and nothing outside its folder, through a link neither', async ({ open }) => {
  const { page } = await open()
  const link = join(ROOT, 'out', 'renderer', `link-${process.pid}.json`)
  symlinkSync(join(ROOT, 'package.json'), link)
  try {
    const paths = [
      '/index.html',
      '/../main/index.js',
      '/..%2fmain/index.js',
      '/%2e%2e/main/index.js',
      '/%252e%252e/main/index.js',
      '/..%5cmain%5cindex.js',
      '/%00',
      '//etc/passwd',
      '/.fingerprint',
      '/assets/',
      `/link-${process.pid}.json`,
    ]
    const statuses = await page.evaluate(
      (asked) => Promise.all(asked.map((path) => fetch(`app://workbench${path}`).then(({ status }) => status))),
      paths,
    )
    expect(statuses[0]).toBe(200)
    for (const status of statuses.slice(1)) expect([403, 404]).toContain(status)
  } finally {
    rmSync(link)
  }
  const others = await page.evaluate(async () => {
    const refused = (url: string, init?: RequestInit): Promise<string> =>
      fetch(url, init).then(
        ({ status }) => (status >= 400 ? 'refused' : 'answered'),
        () => 'refused',
      )
    return Promise.all([
      refused('file:///etc/passwd'),
      refused('https://example.com/'),
      refused('app://elsewhere/index.html'),
      refused('app://workbench/', { method: 'POST', body: 'x' }),
      refused('app://workbench/', { method: 'DELETE' }),
    ])
  })
  expect(others).toEqual(others.map(() => 'refused'))
})

test('no permission is granted, but for writing to the clipboard', async ({ open }) => {
  const { page } = await open()
  const outcome = await page.evaluate(async () => {
    const denied = (work: () => unknown): Promise<string> =>
      Promise.resolve()
        .then(work)
        .then(
          () => 'granted',
          () => 'denied',
        )
    const devices = navigator as unknown as Record<string, { requestDevice(how: object): Promise<unknown> } | undefined>
    return {
      notification: await Notification.requestPermission(),
      microphone: await denied(() => navigator.mediaDevices.getUserMedia({ audio: true })),
      camera: await denied(() => navigator.mediaDevices.getUserMedia({ video: true })),
      screen: await denied(() => navigator.mediaDevices.getDisplayMedia()),
      place: await denied(
        () => new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(resolve, reject)),
      ),
      clipboard: await denied(() => navigator.clipboard.readText()),
      usb: await denied(() => devices['usb']?.requestDevice({ filters: [] }) ?? Promise.reject(new Error())),
      bluetooth: await denied(
        () => devices['bluetooth']?.requestDevice({ acceptAllDevices: true }) ?? Promise.reject(new Error()),
      ),
      fullscreenless: await denied(() => document.body.requestPointerLock({})),
    }
  })
  expect(new Set(Object.values(outcome))).toEqual(new Set(['denied']))
})

test('no download begins and no webview comes to life', async ({ open }) => {
  const { app, page } = await open()
  await app.evaluate(({ session }) => {
    const states: string[] = []
    Reflect.set(globalThis, 'downloads', states)
    session.defaultSession.on('will-download', (event, item) => {
      states.push(event.defaultPrevented ? 'prevented' : item.getFilename())
    })
  })
  await page.evaluate(async () => {
    for (const href of [URL.createObjectURL(new Blob(['x'])), 'index.html']) {
      const link = document.createElement('a')
      link.href = href
      link.download = 'x.html'
      document.body.append(link)
      link.click()
    }
    const view = document.createElement('webview')
    view.setAttribute('src', 'app://workbench/index.html')
    view.setAttribute('nodeintegration', '')
    document.body.append(view)
    await new Promise((resolve) => setTimeout(resolve, 500))
  })
  const found = await app.evaluate(({ webContents }) => ({
    downloads: Reflect.get(globalThis, 'downloads') as string[],
    contents: webContents.getAllWebContents().map((one) => one.getType()),
  }))
  expect(found.downloads.filter((state) => state !== 'prevented')).toEqual([])
  expect(found.contents).toEqual(['window'])
})

test('requests that are unknown, malformed, huge or reach for prototypes are refused as data', async ({ open }) => {
  const { app, page } = await open()
  const codes = await page.evaluate(async () => {
    const polluting = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')
    const experiment = { dts_name: 'simpler', changes: JSON.parse('{"__proto__.polluted":1,"trainer.__proto__":1}') }
    const attempts: [unknown, unknown][] = [
      ['runs.everything', {}],
      ['__proto__', {}],
      ['constructor', {}],
      ['x'.repeat(10_000_000), {}],
      [5, {}],
      [null, {}],
      [{ toString: 'runs.list' }, {}],
      ['runs.get', {}],
      ['runs.get', { id: 5 }],
      ['runs.get', { id: 'x'.repeat(50_000_000) }],
      ['runs.get', { id: 'x', extra: true }],
      ['runs.get', { id: '../../../etc' }],
      ['runs.list', 'no object'],
      ['runs.list', polluting],
      ['runs.queue', { experiment: { ...experiment, ...polluting } }],
      ['runs.queue', { experiment }],
      ['runs.annotate', { id: 'x', addTags: Array.from({ length: 100_000 }, () => 'tag') }],
      ['queue.reorder', { ids: Array.from({ length: 1_000_000 }, () => 'x') }],
    ]
    const replies = []
    for (const [route, input] of attempts) {
      // What cannot even be cloned does not leave the page.
      const reply = await window.delta?.request(route as string, input).catch(() => undefined)
      replies.push(reply?.ok === false ? reply.error.code : reply === undefined ? 'stayed' : 'answered')
    }
    return replies
  })
  expect(codes).toEqual([
    ...Array.from({ length: 7 }, () => 'unknown_route'),
    'usage',
    'usage',
    'usage',
    'usage',
    'not_found',
    'usage',
    'usage',
    'usage',
    'config_invalid',
    'usage',
    'usage',
  ])
  expect(await app.evaluate(() => 'polluted' in {})).toBe(false)
  // It still answers.
  expect(await page.evaluate(() => window.delta?.request('app.info', {}))).toMatchObject({ ok: true })
})

test('no file outside the allowed folders is read through any route, nor through a forged drop', async ({
  open,
  folder,
  logDir,
}) => {
  writeFileSync(join(folder, 'secret.yaml'), 'secret-section: {}\n')
  symlinkSync(join(folder, 'secret.yaml'), join(logDir, 'link.yaml'))
  const { app, page } = await open()
  const experiment = { dts_name: 'simpler' }
  const paths = [...FORBIDDEN_PATHS, join(folder, 'secret.yaml'), join(logDir, 'link.yaml'), `${logDir}/../secret.yaml`]
  const asked = pathAttacks(experiment).flatMap(({ route, input }) =>
    paths.map((path) => [route, input(path)] as const),
  )
  const replies = await page.evaluate(async (list) => {
    const answers = []
    for (const [route, input] of list) answers.push(await window.delta?.request(route, input))
    return answers
  }, asked)
  replies.forEach((reply, index) =>
    expect(reply, JSON.stringify(asked[index])).toMatchObject({ ok: false, error: { code: 'forbidden_path' } }),
  )
  expect(JSON.stringify(replies)).not.toContain('secret-section')

  // A page can make a File of text, but none that has a path; and what is no File has none either.
  const secret = join(folder, 'secret.yaml')
  const forged = await page.evaluate(async (path) => {
    const impostor = Object.assign(new File(['x'], path), { path })
    const list = [impostor, { name: path, path }, path] as unknown as File[]
    return window.delta?.dropped(list).catch(() => [])
  }, secret)
  expect(forged).toEqual([])
  const register = { paths: [secret] }
  const ask = () => page.evaluate((input) => window.delta?.request('datasets.register', input), register)
  expect(await ask()).toMatchObject({ ok: false, error: { code: 'forbidden_path' } })

  // What a person gives by hand, as the browser itself vouches, may be read.
  await page.evaluate(() => {
    const input = Object.assign(document.createElement('input'), { type: 'file', id: 'given' })
    document.body.append(input)
  })
  await page.setInputFiles('#given', secret)
  const given = await page.evaluate(() => {
    const input = document.querySelector('#given')
    return window.delta?.dropped([...((input instanceof HTMLInputElement && input.files) || [])])
  })
  expect(given).toEqual([secret])
  expect(await ask()).toMatchObject({ ok: true, data: { keys: [expect.stringMatching(/^secret-section~/)] } })
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
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

const HTML = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><b>bold</b>'

test('HTML in names, tags, notes, logs, configurations and reasons stays text', async ({ open, logDir }) => {
  writeRun(logDir, {
    exp_name: HTML,
    exp_version: HTML,
    model_name: HTML,
    dts_name: HTML,
    status: 'failed',
    reason: HTML,
    warnings: [HTML],
    log: [HTML],
  })
  const { page } = await open()
  const id = await page.evaluate(async (html) => {
    const list = await window.delta?.request('runs.list', {})
    const found: string = Object(list?.ok && list.data).runs[0].id
    await window.delta?.request('runs.annotate', { id: found, addTags: [html.slice(0, 40)], note: html })
    return found
  }, HTML)
  expect(id).toContain('<img')
  await expect(page.getByText(HTML).first()).toBeVisible()
  const panel = page.getByRole('region', { name: 'Selected run' })
  await expect(panel.getByRole('heading', { level: 2 })).toHaveText(`${HTML}/${HTML}`)
  await panel.getByRole('tab', { name: 'Log' }).click()
  await expect(panel.getByLabel('run.log')).toHaveText(HTML)
  const injected = await page.evaluate(() => ({
    elements: document.querySelectorAll('img[src="x"], body script:not([src]), #app b').length,
    hacked: 'hacked' in window,
  }))
  expect(injected).toEqual({ elements: 0, hacked: false })
})

test('the build holds nothing that the policy would have to allow', () => {
  const assets = join(ROOT, 'out', 'renderer', 'assets')
  expect(readdirSync(assets).filter((name) => !/\.(js|css|svg|png|woff2)$/.test(name))).toEqual([])
})
