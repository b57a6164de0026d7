import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, ROOT, test } from './support/electron'

test('a run trained from the command line appears in the open window, with its curves and figures', async ({
  open,
  logDir,
}) => {
  const { page } = await open()
  await expect(page.getByRole('heading', { name: 'No runs yet' })).toBeVisible()
  const args = ['train', '--dts_name', 'simpler', '--max_epochs', '2', '--log_dir', logDir, '--json']
  const training = promisify(execFile)(process.execPath, [join(ROOT, 'scripts', 'delta.mjs'), ...args], { cwd: ROOT })
  await expect(page.getByRole('row', { name: /default_exp\/v0/ })).toBeVisible()
  const { stdout } = await training
  const result: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  expect(result).toMatchObject({ type: 'result', status: 'finished', epochs: 2 })

  const row = page.getByRole('row', { name: /finished default_exp\/v0/ })
  await expect(row).toBeVisible()
  await expect(row.locator('td.test_acc')).toHaveText(/^0\.\d{4}$/)
  await expect(page.getByRole('img', { name: /^Loss by epoch: .* after 2 epochs/ })).toBeVisible()
  await page.getByRole('tab', { name: 'Config' }).click()
  await expect(page.getByLabel('hparams.yaml')).toContainText('max_epochs: 2')
  await expect(page.getByText('cannot be read')).toBeHidden()
})

test('TensorFlow trains in the window’s own engine, where it is set up; Settings say which backends work', async ({
  open,
}) => {
  const { page } = await open()
  await page.goto('app://workbench/#/settings')
  const backends = page.getByRole('region', { name: 'Backends' })
  await expect(backends.getByText('Kernels on WebAssembly with')).toBeVisible()
  await expect(backends.getByRole('button', { name: 'Look again' })).toBeEnabled()
  const states = await backends.getByRole('definition').allTextContents()
  expect(states.filter((text) => text === 'works' || text === 'not here')).toHaveLength(4)
  const here = await backends.getByText(/^TensorFlow \d.* on /).count()
  if (here === 0) {
    await expect(backends.getByText('npm run setup:tensorflow')).toBeVisible()
    test.skip(true, 'TensorFlow is not set up (npm run setup:tensorflow)')
  }

  const started = await page.evaluate(() =>
    window.delta?.request('runs.start', {
      experiment: { dts_name: 'simpler', backend: 'tensorflow', changes: { 'trainer.max_epochs': 2 } },
    }),
  )
  expect(started).toMatchObject({ ok: true })
  await page.goto('app://workbench/#/runs')
  await page.getByRole('row', { name: /finished default_exp\/v0/ }).dblclick()
  await page.getByRole('tab', { name: 'Engine' }).click()
  await expect(page.getByRole('region', { name: 'Engine' }).getByText(/^tensorflow, \d+ threads?$/)).toBeVisible()
})
