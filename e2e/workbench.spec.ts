import { writeWorkspace } from './support/logFolder'
import { seriousFindings } from './support/axe'
import { expect, test } from './support/electron'

test('from an empty window to a trained run by one click', async ({ open }) => {
  const { page } = await open()
  await page.getByRole('button', { name: 'Train on the sample' }).click()
  await expect(page.getByRole('heading', { name: 'first/v0' })).toBeVisible()
  const panel = page.getByRole('region', { name: 'Selected run' })
  await expect(panel.locator('.badge').first()).toHaveText('finished')
  await expect(page.getByRole('img', { name: /^Loss by epoch: train_loss 0\.\d{4} after 40 epochs/ })).toBeVisible()
  await expect(panel.getByText(/^test_acc/)).toBeVisible()
})

test('configure, run, watch, stop, resume, queue again, trash and restore, by the window alone', async ({ open }) => {
  const { page } = await open()
  await expect(page.getByRole('heading', { name: 'No runs yet' })).toBeVisible()
  await page.keyboard.press('g')
  await page.keyboard.press('d')
  await expect(page.getByRole('heading', { name: 'Data sets' })).toBeVisible()
  await page
    .getByRole('navigation', { name: 'Data sets' })
    .getByRole('link', { name: /simpler/ })
    .click()
  await page.getByRole('button', { name: 'New experiment' }).click()
  await expect(page.getByRole('textbox', { name: 'The experiment as YAML' })).toContainText('dts_name: simpler')
  await page.getByLabel('Experiment', { exact: true }).fill('flow')
  await page.getByLabel('Epochs at most', { exact: true }).fill('1000000')
  await page.getByRole('button', { name: 'Run', exact: true }).click()

  await expect(page.getByRole('heading', { name: 'flow/v0' })).toBeVisible()
  const panel = page.getByRole('region', { name: 'Selected run' })
  const badge = panel.locator('.badge').first()
  await expect(badge).toHaveText('running')
  await expect(panel.getByRole('progressbar', { name: 'Training' })).toBeVisible()
  const epochs = async (): Promise<number> => {
    const name = await page.getByRole('img', { name: /^Loss by epoch/ }).getAttribute('aria-label')
    return Number(/after (\d+) epochs/.exec(name ?? '')?.[1] ?? 0)
  }
  await expect.poll(epochs).toBeGreaterThan(3)
  const before = await epochs()
  await expect.poll(epochs).toBeGreaterThan(before)
  await expect(page.getByRole('contentinfo', { name: 'Status' })).toContainText(/1 run is training, [\d,]+ steps\/s/)
  await panel.getByRole('tab', { name: 'Engine' }).click()
  await expect(panel.getByRole('img', { name: /^Memory by time/ })).toBeVisible()
  await panel.getByRole('tab', { name: 'Curves' }).click()

  await panel.getByRole('button', { name: 'Stop' }).click()
  await expect(badge).toHaveText('stopped')
  const stopped = await epochs()
  await panel.getByRole('button', { name: 'Resume' }).click()
  await expect(badge).toHaveText('running')
  await expect.poll(epochs).toBeGreaterThan(stopped)
  await panel.getByRole('button', { name: 'Stop' }).click()
  await expect(badge).toHaveText('stopped')

  await panel.getByLabel('Note').fill('goes on where it was')
  await panel.getByLabel('Note').press('Escape')
  await page.getByRole('button', { name: 'Back to the runs' }).click()
  const row = page.getByRole('row', { name: /stopped flow\/v0/ })
  await row.click({ button: 'right' })
  await page.getByText('Move to trash').click()
  await expect(row).toBeHidden()
  await page.getByRole('button', { name: 'Trash (1)' }).click()
  await page.getByRole('row', { name: /flow\/v0/ }).click({ button: 'right' })
  await page.getByText('Restore').click()
  await page.getByRole('button', { name: 'Back to the runs' }).click()
  await expect(row).toBeVisible()
})

test('a run’s page has a place of its own: it can be reloaded, and a run that is gone says so', async ({
  open,
  logDir,
}) => {
  writeWorkspace(logDir)
  const { page } = await open()
  await page.getByRole('row', { name: /dims\/v5/ }).dblclick()
  await expect(page).toHaveURL(/#\/runs\//)
  await expect(page.getByRole('heading', { name: 'dims/v5' })).toBeVisible()
  await page.reload()
  await expect(page.getByRole('heading', { name: 'dims/v5' })).toBeVisible()
  await page.evaluate(() => (window.location.hash = '#/runs/no-such-run'))
  await expect(page.getByText('The history has no run with the id "no-such-run"')).toBeVisible()
  await page.getByRole('button', { name: 'Back to the runs' }).click()
  await expect(page.getByRole('grid', { name: 'Runs' })).toBeVisible()
})

for (const theme of ['Light', 'Dark']) {
  test(`nothing serious bars the way of a screen reader or a keyboard, ${theme.toLowerCase()}`, async ({
    open,
    logDir,
  }) => {
    writeWorkspace(logDir)
    const { page } = await open()
    await page.getByRole('radio', { name: theme }).check({ force: true })
    await expect(page.getByRole('row', { name: /dims\/v5/ })).toBeVisible()
    expect(await seriousFindings(page), 'runs').toEqual([])
    await page.getByLabel('Group by').selectOption('model')
    await page.getByRole('checkbox', { name: 'Tick seeds/s2' }).check()
    expect(await seriousFindings(page), 'runs, grouped and ticked').toEqual([])
    await page.getByRole('row', { name: /seeds\/s2/ }).dblclick()
    await expect(page).toHaveURL(/#\/runs\//)
    for (const tab of ['Curves', 'Evaluation', 'Config', 'Log', 'Files', 'Engine']) {
      await page.getByRole('tab', { name: tab }).click()
      expect(await seriousFindings(page), tab).toEqual([])
    }
    await page.evaluate(() => (window.location.hash = '#/settings'))
    await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible()
    expect(await seriousFindings(page), 'settings').toEqual([])
    await page.keyboard.press('Control+k')
    await expect(page.getByRole('dialog', { name: 'Commands' })).toBeVisible()
    expect(await seriousFindings(page), 'palette').toEqual([])
  })
}
