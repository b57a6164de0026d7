import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { act, electronPath, expect, launch, ROOT, test } from './support/electron'
import { writeRun } from './support/logFolder'

test('the window opens where it was left', async ({ open, folder, logDir }) => {
  writeRun(logDir, { exp_name: 'a', exp_version: 'v0' })
  const { app } = await open()
  const bounds = { x: 80, y: 60, width: 1000, height: 700 }
  await app.evaluate(({ BrowserWindow }, to) => BrowserWindow.getAllWindows()[0]?.setBounds(to), bounds)
  await app.close()
  const again = await launch(logDir, join(folder, 'user-data'))
  const found = await again.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getBounds())
  await again.app.close()
  expect(found).toEqual(bounds)
})

test('a second start opens no second window, but shows its folder in the first', async ({ open, folder, logDir }) => {
  writeRun(logDir, { exp_name: 'first', exp_version: 'v0' })
  const other = join(folder, 'other')
  mkdirSync(other)
  writeRun(other, { exp_name: 'second', exp_version: 'v0' })
  const { app, page } = await open()
  await expect(page.getByRole('row', { name: /first\/v0/ })).toBeVisible()

  const args = [`--user-data-dir=${join(folder, 'user-data')}`, ROOT, `--log_dir=${other}`]
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const second = spawnSync(electronPath(), [...sandbox, ...args], { stdio: 'ignore' })
  expect(second.status).toBe(0)
  await expect(page.getByRole('row', { name: /second\/v0/ })).toBeVisible()
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
})

test('a window whose page has crashed comes back by itself', async ({ open, logDir }) => {
  writeRun(logDir, { exp_name: 'a', exp_version: 'v0' })
  const { app, page } = await open()
  await expect(page.getByRole('row', { name: /a\/v0/ })).toBeVisible()
  // Asked before it has been loaded again, the dead page would never answer.
  await act(app, ({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents
    contents?.forcefullyCrashRenderer()
    return new Promise<void>((resolve) => contents?.once('did-finish-load', () => resolve()))
  })
  const rows = () =>
    app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript('document.querySelectorAll("td.name").length'),
    )
  await expect.poll(rows).toBe(1)
})

test('the window is usable soon, and says after how many seconds', async ({ folder, logDir }) => {
  for (let index = 0; index < 50; index++)
    writeRun(logDir, { exp_name: 'a', exp_version: `v${index}`, created: 1e12 + index })
  const started = performance.now()
  const { app, page } = await launch(logDir, join(folder, 'user-data'))
  await expect(page.getByRole('row', { name: /a\/v49/ })).toBeVisible()
  const seconds = (performance.now() - started) / 1000
  await app.close()
  test.info().annotations.push({ type: 'seconds to a usable window', description: seconds.toFixed(2) })
})
