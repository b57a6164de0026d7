import { expect, test } from './support/electron'
import { writeEvaluation } from './support/evaluation'
import { writeRun, writeWorkspace } from './support/logFolder'
import { inEveryLook, picture } from './support/pictures'
import { trainRuns } from './support/trainedRuns'

test('pictures of the runs', async ({ open, logDir }) => {
  writeWorkspace(logDir)
  const { app, page } = await open()
  await page.getByRole('row', { name: /dims\/v5/ }).click()
  await expect(page.getByRole('heading', { name: 'dims/v5' })).toBeVisible()
  await inEveryLook(app, page, 'runs')
})

test('pictures of a run that failed, and of what cannot be read', async ({ open, logDir }) => {
  writeWorkspace(logDir)
  const { app, page } = await open()
  await page.getByRole('row', { name: /lr-too-high/ }).click()
  await page.getByRole('tab', { name: 'Log' }).click()
  await page.getByText('2 folders have files').click()
  await inEveryLook(app, page, 'failed')
})

test('pictures of an evaluation', async ({ open, logDir }) => {
  writeEvaluation(writeRun(logDir, { exp_name: 'a', exp_version: 'evaluated' }))
  const { app, page } = await open()
  await page.getByRole('row', { name: /a\/evaluated/ }).dblclick()
  await expect(page.getByRole('button', { name: 'Back to the runs' })).toBeVisible()
  await page.getByRole('tab', { name: 'Evaluation' }).click()
  await expect(page.getByRole('img', { name: /2 bins/ })).toBeVisible()
  await inEveryLook(app, page, 'run-evaluation')
})

test('pictures of the empty page', async ({ open }) => {
  const { app, page } = await open()
  await expect(page.getByRole('heading', { name: 'No runs yet' })).toBeVisible()
  await inEveryLook(app, page, 'empty')
})

test('pictures of a run’s own page, the palette, the shortcuts and the settings', async ({ open, logDir }) => {
  writeWorkspace(logDir)
  const { app, page } = await open()
  await page.getByRole('row', { name: /dims\/v5/ }).dblclick()
  await expect(page).toHaveURL(/#\/runs\//)
  await expect(page.getByRole('heading', { name: 'dims/v5' })).toBeVisible()
  await inEveryLook(app, page, 'run')
  await page.getByRole('tab', { name: 'Engine' }).click()
  await inEveryLook(app, page, 'run-engine')
  await page.getByRole('tab', { name: 'Files' }).click()
  await inEveryLook(app, page, 'run-files')
  await page.goto('app://workbench/#/settings')
  await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible()
  await expect(page.getByText('Kernels on WebAssembly with')).toBeVisible()
  await inEveryLook(app, page, 'settings')
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog')).toBeVisible()
  await picture(page, 'shortcuts')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+k')
  await picture(page, 'palette')
})

test('pictures of a comparison', async ({ open, logDir }) => {
  await trainRuns(logDir)
  const { app, page } = await open()
  await expect(page.getByRole('row', { name: /sizes\// })).toHaveCount(5)
  await page.getByRole('checkbox', { name: 'Tick all runs that are shown' }).check()
  await page.getByRole('button', { name: 'Compare', exact: true }).click()
  await expect(page.getByText('corrected by Holm')).toBeVisible()
  await inEveryLook(app, page, 'compare-overview')
  await page.getByRole('tab', { name: 'Configuration' }).click()
  await expect(page.getByRole('table', { name: 'Configuration' })).toBeVisible()
  await inEveryLook(app, page, 'compare-configuration')
  await page.getByRole('tab', { name: 'Curves' }).click()
  await expect(page.getByRole('img', { name: /^val_loss by epoch, last values: sizes/ })).toBeVisible()
  await page.getByRole('complementary', { name: 'Curves' }).getByRole('listitem').last().hover()
  await inEveryLook(app, page, 'compare-curves')
  const box = await page.getByRole('img', { name: /^val_loss by epoch/ }).boundingBox()
  await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) * 0.6, (box?.y ?? 0) + (box?.height ?? 0) * 0.62)
  await expect(page.getByText(/^epoch 1\d$/)).toBeVisible()
  await picture(page, 'compare-curves-pointed')
  await page.getByRole('tab', { name: 'Examples' }).click()
  await expect(page.getByRole('list', { name: 'Pairs of the selection' })).toContainText('Prompt')
  await inEveryLook(app, page, 'compare-examples')
  await page.getByRole('tab', { name: 'Users' }).click()
  await page.getByRole('button', { name: 'Dimensions' }).click()
  for (const [name, run] of [
    ['Reference', 'k5'],
    ['B, the other run', 'k2'],
  ] as const) {
    const select = page.getByRole('combobox', { name })
    await select.selectOption(await select.locator('option', { hasText: run }).first().innerText())
  }
  await expect(page.getByRole('table', { name: 'Likeness of all dimensions' })).toBeVisible()
  await inEveryLook(app, page, 'compare-users-dimensions')
  await page.getByRole('button', { name: 'Maps' }).click()
  await expect(page.getByRole('img', { name: /^Map of \d+ users of B/ })).toBeVisible()
  await inEveryLook(app, page, 'compare-users-maps')
  await page.getByRole('button', { name: 'Take all out' }).click()
  await expect(page.getByRole('heading', { name: 'Nothing is compared yet' })).toBeVisible()
  await inEveryLook(app, page, 'compare-empty')
})

test('pictures of the users of a run, and of one', async ({ open, logDir }) => {
  await trainRuns(logDir)
  const { app, page } = await open()
  await page
    .getByRole('row', { name: /sizes\/k5/ })
    .first()
    .click()
  await page.getByRole('region', { name: 'Selected run' }).getByRole('link', { name: 'Users' }).click()
  await expect(page.getByRole('img', { name: /^Map of [1-9].* of 5 numbers/ })).toBeVisible()
  await inEveryLook(app, page, 'users')
  await page.getByRole('tab', { name: 'Dimensions' }).click()
  await expect(page.getByRole('textbox', { name: 'Name of dimension 1' })).toBeVisible()
  await inEveryLook(app, page, 'users-dimensions')
  await page.getByRole('tab', { name: 'Pairs' }).click()
  await expect(page.getByRole('grid', { name: 'Pairs' }).getByRole('row').nth(3)).toContainText('✗')
  await inEveryLook(app, page, 'users-pairs')
  await page.getByRole('tab', { name: 'Users' }).click()
  await page.getByRole('grid', { name: 'Users' }).getByRole('row').nth(1).dblclick()
  await expect(page.getByRole('table', { name: 'Why' })).toBeVisible()
  await inEveryLook(app, page, 'user')
  await page.getByRole('tab', { name: 'Vector' }).click()
  await inEveryLook(app, page, 'user-vector')
})

test('pictures of runs laid out by their parameters', async ({ open, logDir }) => {
  await trainRuns(logDir, true)
  const { app, page } = await open()
  await expect(page.getByRole('row', { name: /sizes\// })).toHaveCount(11)
  await page.getByRole('checkbox', { name: 'Tick all runs that are shown' }).check()
  await page.getByRole('button', { name: 'Compare', exact: true }).click()
  await page.getByRole('tab', { name: 'Parameters' }).click()
  await expect(page.getByRole('table', { name: 'Importance' })).toBeVisible()
  await inEveryLook(app, page, 'compare-parameters')
})
