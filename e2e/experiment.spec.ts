import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from '@playwright/test'
import { load } from 'js-yaml'
import { expect, expectCopied, test } from './support/electron'
import { seriousFindings } from './support/axe'
import { inEveryLook, picture } from './support/pictures'

const editor = (page: Page): Locator => page.getByRole('textbox', { name: 'The experiment as YAML' })
const field = (page: Page, label: string): Locator => page.getByLabel(label, { exact: true })
const row = (page: Page, key: string): Locator => page.locator(`[data-key="${key}"]`)
const command = (page: Page): Locator => page.getByLabel('The command that does the same')
const mistakes = (page: Page): Locator => page.locator('.mistakes')
const run = (page: Page): Locator => page.getByRole('button', { name: 'Run', exact: true })

async function openPage(page: Page): Promise<void> {
  await page.evaluate(() => void (location.hash = '#/new'))
  await expect(page.getByRole('heading', { name: 'New experiment' })).toBeVisible()
  await expect(editor(page)).toContainText('dts_name: simpler')
  await expect(mistakes(page)).toHaveText('no mistakes')
}

/** The document as the editor holds it: it draws only the lines that are seen. */
const text = (page: Page): Promise<string> =>
  page.evaluate(() => String(JSON.parse(localStorage.getItem('delta.experiment') ?? '{}').yaml))

async function replaceText(page: Page, yaml: string): Promise<void> {
  await editor(page).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(yaml)
}

test('the form and the text say the same, whichever is changed', async ({ open }) => {
  const { page } = await open()
  await openPage(page)
  await replaceText(
    page,
    '# mine\ndts_name: simpler # the sample\nmodel_name: caimira\n\ntrainer:\n  max_epochs: 20 # short\n  seed: 4\n',
  )
  await expect(field(page, 'Epochs at most')).toHaveValue('20')
  await expect(field(page, 'Seed')).toHaveValue('4')

  await field(page, 'Epochs at most').fill('7')
  await field(page, 'Learning rate').fill('1e-2')
  await expect
    .poll(() => text(page))
    .toBe(
      '# mine\ndts_name: simpler # the sample\nmodel_name: caimira\n\ntrainer:\n  max_epochs: 7 # short\n  learning_rate: 0.01\n  seed: 4\n',
    )
  await expect(command(page)).toContainText('--dts_name simpler --max_epochs 7 --learning_rate 0.01 --seed 4')

  // What differs is marked, counted, filtered, and goes back.
  await expect(page.getByText('Only changed (3)')).toBeVisible()
  await expect(row(page, 'trainer.seed')).toContainText('Changed.')
  await page.getByRole('button', { name: 'Reset Seed to 0' }).click()
  await expect.poll(() => text(page)).not.toContain('seed')
  await page.getByLabel('Only changed').check()
  await expect(row(page, 'trainer.batch_size')).toBeHidden()
  await expect(row(page, 'trainer.max_epochs')).toBeVisible()
  await page.getByLabel('Only changed').uncheck()

  // The arrow keys go over round numbers, and the last digit is not lost while typing.
  await field(page, 'Learning rate').press('ArrowUp')
  await expect(field(page, 'Learning rate')).toHaveValue('0.02')
  await field(page, 'L1 of the skills').fill('2e-')
  await expect(row(page, 'caimira.lambda_s')).toContainText('Must be a number')
  await field(page, 'L1 of the skills').pressSequentially('5')
  await expect(row(page, 'caimira.lambda_s')).not.toContainText('Must be a number')
  await expect(command(page)).toContainText('--set caimira.lambda_s=0.00002')

  // Undo in the text takes the form along.
  await editor(page).focus()
  await page.keyboard.press('Control+z')
  await expect(field(page, 'L1 of the skills')).not.toHaveValue('2e-5')
})

test('the model decides which settings there are', async ({ open }) => {
  const { page } = await open()
  await openPage(page)
  await expect(field(page, 'Relevance temperature')).toBeVisible()
  await page.getByRole('radio', { name: 'model2' }).check({ force: true })
  await expect(field(page, 'Hidden units')).toHaveValue('256')
  await expect(field(page, 'Relevance temperature')).toBeHidden()
  // No features, no gate; a schedule without plateaus.
  await expect(row(page, 'model2.feature_mode')).toBeHidden()
  await expect(row(page, 'trainer.plateau_factor')).toBeHidden()
  await field(page, 'User features').fill('all')
  await field(page, 'Schedule').selectOption('reduce_on_plateau')
  await expect(row(page, 'model2.feature_mode')).toBeVisible()
  await expect(row(page, 'trainer.plateau_factor')).toBeVisible()
  await expect(command(page)).toContainText('--model_name model2 --features all')

  await page.getByLabel('Find a setting').fill('dropout')
  // Three rates, and the seed that draws them.
  await expect(page.locator('[data-key]')).toHaveCount(4)
  await page.getByLabel('Find a setting').fill('no such thing')
  await expect(page.getByText('No setting matches')).toBeVisible()
})

test('a mistake is told at its field and at its line, and repaired by a click', async ({ open }) => {
  const { page } = await open()
  await openPage(page)
  await field(page, 'Batch size').fill('0')
  await expect(row(page, 'trainer.batch_size')).toContainText('Must be more than 0, not 0')
  await expect(field(page, 'Batch size')).toHaveAttribute('aria-invalid', 'true')
  await expect(mistakes(page)).toHaveText('1 mistake')
  await expect(page.locator('.cm-lintRange-error')).toHaveText('0')
  await expect(run(page)).toBeDisabled()
  await expect(page.getByText('Time and memory are estimated once nothing is wrong')).toBeVisible()

  await replaceText(page, 'dts_name: simpler\ntrainer:\n  lerning_rate: 0.1\n  optimizer: Adamm\n')
  await expect(mistakes(page)).toHaveText('2 mistakes')
  await expect(page.locator('.cm-lintRange-error').first()).toHaveText('lerning_rate')
  await row(page, 'trainer.optimizer').getByRole('button', { name: 'Use Adam' }).click()
  await expect(mistakes(page)).toHaveText('1 mistake')
  await expect(page.getByRole('list', { name: 'Mistakes without a field' })).toContainText(
    'line 3, trainer.lerning_rate',
  )
  const rename = page.locator('.cm-tooltip').getByRole('button', { name: 'Rename to learning_rate' })
  // The text is checked once more meanwhile, which closes what was opened; a hand that is there moves again.
  await expect(async () => {
    await page.mouse.move(0, 0)
    await page.locator('.cm-lintRange-error').first().hover()
    await rename.click({ timeout: 2_000 })
  }).toPass()
  await expect(mistakes(page)).toHaveText('no mistakes')
  expect(await text(page)).toBe('dts_name: simpler\ntrainer:\n  learning_rate: 0.1\n  optimizer: Adam\n')

  // Text that is no YAML stops the form, not the person.
  await replaceText(page, 'dts_name: simpler\n\ttrainer: 1\n')
  await expect(page.getByRole('alert').filter({ hasText: 'not YAML at present' })).toContainText('line 2')
  await expect(field(page, 'Batch size')).toBeDisabled()
  await replaceText(page, 'dts_name: simplr\n')
  await expect(page.getByText('There is no data set "simplr"').first()).toBeVisible()
  await page.getByRole('button', { name: 'Use simpler' }).first().click()
  await expect(mistakes(page)).toHaveText('no mistakes')
})

test('keys and values are completed in the text', async ({ open }) => {
  const { page } = await open()
  await openPage(page)
  const completions = page.locator('.cm-tooltip-autocomplete [role=option]')
  await replaceText(page, 'dts_name: simpler\ntrainer:\n  sched')
  await page.keyboard.press('Control+Space')
  await expect(completions.filter({ hasText: 'scheduler' })).toBeVisible()
  // An Enter right after a list appears is not meant for it: CodeMirror takes it only after 75 ms.
  await page.waitForTimeout(200)
  await page.keyboard.press('Enter')
  await page.keyboard.type('cos')
  await expect(completions.filter({ hasText: 'cosine' })).toBeVisible()
  // An Enter right after a list appears is not meant for it: CodeMirror takes it only after 75 ms.
  await page.waitForTimeout(200)
  await page.keyboard.press('Enter')
  await expect(field(page, 'Schedule')).toHaveValue('cosine')
})

test('a run is configured, estimated, started, and is what was shown', async ({ open, logDir, folder }) => {
  const { app, page } = await open()
  await openPage(page)
  await field(page, 'Epochs at most').fill('3')
  await field(page, 'Experiment').fill('by-form')
  await expect(page.getByTestId('estimate-time')).toHaveText(/≈ .* (ms|s)/)
  await expect(page.getByRole('region', { name: 'Estimate' })).toContainText('3 × 16')

  const told = `npm run -s delta -- train --dts_name simpler --exp_name by-form --max_epochs 3 --log_dir ${logDir}`
  await expect(command(page)).toHaveText(told)
  await expectCopied(app, page.getByRole('button', { name: 'Copy the command' }), told)

  await page.getByRole('button', { name: 'Resolved' }).click()
  const resolved = load(await page.getByLabel('The resolved configuration').innerText())
  await page.keyboard.press('Control+Enter')
  await page.waitForURL(/#\/runs\//)
  const hparams = join(logDir, 'by-form', 'v0', 'hparams.yaml')
  const record = (): { status?: string } => JSON.parse(readFileSync(join(logDir, 'by-form', 'v0', 'run.json'), 'utf8'))
  await expect.poll(() => record().status).toBe('finished')
  expect(load(readFileSync(hparams, 'utf8'))).toEqual(resolved)

  // The same by presets, as a new run of another name, through the queue, with three seeds.
  await page.evaluate(() => void (location.hash = '#/new'))
  await page.getByRole('button', { name: 'Start from…' }).click()
  await page.getByLabel('Find a preset or a run').fill('quick')
  await page.getByRole('button', { name: /quick-look/ }).click()
  await expect(page.getByText('compared with the preset quick-look')).toBeVisible()
  await expect(field(page, 'Epochs at most')).toHaveValue('10')
  await expect(field(page, 'Experiment')).toHaveValue('by-form')
  await expect(page.getByText('Only changed (1)')).toBeVisible()
  await field(page, 'Epochs at most').fill('2')
  await page.getByLabel('Seeds').fill('1..3')
  await expect(command(page)).toContainText('--seeds 1..3')
  await expect(run(page)).toBeDisabled()
  await page.getByRole('button', { name: 'Queue 3 runs' }).click()
  await page.waitForURL(/#\/runs$/)
  await expect.poll(() => readdirSync(join(logDir, 'by-form')).sort()).toEqual(['v0', 'v0-s1', 'v0-s2', 'v0-s3'])
  expect(folder).toBeTruthy()
})

test('a run is the beginning of the next one, and a preset is kept', async ({ open }) => {
  const { page } = await open()
  await openPage(page)
  await replaceText(
    page,
    'dts_name: simpler\nmodel_name: lore\nexp_name: first\ntrainer:\n  max_epochs: 2\nlore:\n  n_dim: 3\n',
  )
  await expect(field(page, 'Dimensions')).toHaveValue('3')
  await run(page).click()
  await page.waitForURL(/#\/runs\//)
  const id = decodeURIComponent(page.url().split('/').at(-1) ?? '')

  await page.evaluate(() => void (location.hash = '#/new'))
  await replaceText(page, 'dts_name: simpler\n')
  await page.evaluate((from) => void (location.hash = `#/new?from=${encodeURIComponent(from)}`), id)
  await expect(page.getByText('compared with first/v0')).toBeVisible()
  await expect(field(page, 'Dimensions')).toHaveValue('3')
  await expect(page.getByText('Only changed (0)')).toBeVisible()
  await field(page, 'Dimensions').fill('6')
  await expect(page.getByRole('button', { name: 'Reset Dimensions to 3' })).toBeVisible()

  // Leaving and reloading keep what was written.
  await page.evaluate(() => void (location.hash = '#/runs'))
  await page.evaluate(() => void (location.hash = '#/new'))
  await expect(field(page, 'Dimensions')).toHaveValue('6')
  await page.reload()
  await expect(field(page, 'Dimensions')).toHaveValue('6')
  await expect(page.getByText('compared with first/v0')).toBeVisible()

  await page.getByRole('button', { name: 'Save as preset…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Save as preset' })
  await dialog.getByLabel('Name').fill('../up')
  await expect(dialog.getByText('A name must be')).toBeVisible()
  await expect(dialog.getByRole('button', { name: 'Save' })).toBeDisabled()
  await dialog.getByLabel('Name').fill('Six rewards')
  await dialog.getByLabel('What it is for').fill('<b>lore</b> with six')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog).toBeHidden()
  await page.getByRole('button', { name: 'Start from…' }).click()
  await expect(page.getByRole('button', { name: /^Six rewards/ })).toContainText('<b>lore</b> with six')
  await page.getByRole('button', { name: 'Delete the preset Six rewards' }).click()
  await expect(page.getByRole('button', { name: /^Six rewards/ })).toBeHidden()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toBeHidden()
})

test('everything has a role, a name and enough contrast', async ({ open }) => {
  const { page } = await open()
  await openPage(page)
  await field(page, 'Batch size').fill('0')
  await expect(mistakes(page)).toHaveText('1 mistake')
  for (const theme of ['Light', 'Dark']) {
    await page.getByRole('radio', { name: theme }).check({ force: true })
    expect(await seriousFindings(page), theme).toEqual([])
  }
  await page.getByRole('button', { name: 'Start from…' }).click()
  await expect(page.getByRole('button', { name: /quick-look/ })).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])
})

test('pictures of a new experiment', async ({ open }) => {
  const { app, page } = await open()
  await openPage(page)
  await field(page, 'Learning rate').fill('5e-3')
  await field(page, 'Schedule').selectOption('cosine')
  await field(page, 'Patience').fill('10')
  await expect(page.getByRole('region', { name: 'Estimate' })).toContainText('≤')
  await page.getByRole('region', { name: 'Settings' }).evaluate((pane) => pane.scrollTo(0, 0))
  await inEveryLook(app, page, 'experiment')

  await replaceText(
    page,
    '# A slip or two\ndts_name: simpler\nmodel_name: model2\n\ntrainer:\n  max_epochs: 0\n  lerning_rate: 0.01\n  optimizer: Adamm\n',
  )
  await expect(mistakes(page)).toHaveText('3 mistakes')
  await inEveryLook(app, page, 'experiment-mistakes', row(page, 'trainer.weight_decay'))

  await page.getByRole('button', { name: 'Start from…' }).click()
  await expect(page.getByRole('button', { name: /quick-look/ })).toBeVisible()
  await picture(page, 'experiment-start-from-dark')
})
