import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Locator, Page } from '@playwright/test'
import { seriousFindings } from './support/axe'
import { expect, expectCopied, test } from './support/electron'
import { inEveryLook } from './support/pictures'

const row = (page: Page, key: string): Locator => page.locator(`[data-key="${key}"]`)
const editor = (page: Page): Locator => page.getByRole('textbox', { name: 'The sweep as YAML' })
const parts = (page: Page): Locator => page.getByTestId('sweep-parts')
const status = (page: Page): Locator => page.locator('.head .status')
const button = (page: Page, name: string | RegExp): Locator => page.getByRole('button', { name })

/** The document as the editor holds it: it draws only the lines that are seen. */
const text = (page: Page): Promise<string> =>
  page.evaluate(() => String(JSON.parse(localStorage.getItem('delta.sweep') ?? '{}').yaml))

async function openDraft(page: Page): Promise<void> {
  await page.evaluate(() => void (location.hash = '#/new/sweep'))
  await expect(editor(page)).toContainText('method: ')
}

async function write(page: Page, yaml: string): Promise<void> {
  await editor(page).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(yaml)
}

const sweep = (name: string, epochs: number, trials: number): string =>
  `method: random\nmetric: val_loss\nseeds: 0..1\nparameters:\n  trainer.learning_rate: { min: 1.0e-3, max: 1.0e-1, scale: log }\n  caimira.n_dim: { min: 2, max: 10 }\n  trainer.scheduler: [none, cosine]\nbase:\n  dts_name: simpler\n  model_name: caimira\n  exp_name: ${name}\n  trainer: { max_epochs: ${epochs}, batch_size: 128, patience: ${epochs} }\nbudget: { trials: ${trials} }\n`

test('a sweep that is written by the form is not the text’s, counts other trials, or gives another command', async ({
  open,
}) => {
  const { app, page } = await open()
  await openDraft(page)
  await expect(page.locator('.mistakes')).not.toHaveText('no mistakes')
  await row(page, 'trainer.learning_rate').getByLabel('How Learning rate is tried').selectOption('values')
  await row(page, 'trainer.learning_rate').getByLabel('Values of Learning rate').fill('1e-3, 1e-2')
  await row(page, 'caimira.n_dim').getByRole('combobox').selectOption('range')
  await row(page, 'caimira.n_dim')
    .getByLabel(/ from$/)
    .fill('2')
  await row(page, 'caimira.n_dim').getByLabel(/ to$/).fill('4')
  await row(page, 'caimira.n_dim').getByLabel(/ to$/).press('Enter')
  await page.getByLabel('Name', { exact: true }).fill('by_form')
  await page.getByLabel('Name', { exact: true }).press('Enter')
  await expect(page.getByTestId('sweep-size')).toHaveText('6 points × 3 seeds = 18 trials')
  await expect.poll(() => text(page)).toContain('  trainer.learning_rate: [0.001, 0.01]\n')
  expect(await text(page)).toContain('exp_name: by_form')
  await expect(page.getByTestId('sweep-time')).toHaveText(/≤ /)
  const command = await page.getByLabel('The command that does the same').innerText()
  expect(command).toMatch(/^npm run -s delta -- sweep by_form\.yaml --log_dir /)
  expect(await seriousFindings(page)).toEqual([])
  await expectCopied(
    app,
    button(page, 'Copy the file and its command, for a terminal'),
    `cat > by_form.yaml <<'SWEEP'\n${(await text(page)).trimEnd()}\nSWEEP\n${command}\n`,
  )
  await inEveryLook(app, page, 'new-sweep')

  // The other way round, and what is wrong stands at its field.
  await write(page, sweep('by_text', 4, 8).replace('max: 1.0e-1', 'max: 1.0e-4'))
  await expect(row(page, 'trainer.learning_rate')).toContainText('Min must be less than max')
  await expect(button(page, 'Run sweep')).toBeDisabled()
  await expect(page.getByLabel('Method')).toHaveValue('random')
  expect(await seriousFindings(page)).toEqual([])
})

test('a cluster’s profile has a program run that nobody has agreed to, cannot be chosen for a sweep, or is at fault for the eye alone', async ({
  open,
  folder,
}) => {
  const { app, page } = await open()
  const answer = (response: number): Promise<void> =>
    app.evaluate(({ dialog }, chosen) => {
      dialog.showMessageBox = async (...asked: unknown[]) => {
        Reflect.set(globalThis, 'asked', asked.at(-1))
        return { response: chosen, checkboxChecked: false }
      }
    }, response)
  const kept = join(folder, 'user-data', 'history', 'clusters', 'four-nodes.yaml')
  await page.evaluate(() => void (location.hash = '#/settings'))
  await page.getByRole('link', { name: 'New cluster…' }).click()
  await expect(page.getByLabel('Time limit')).toHaveValue('30')
  await page.getByLabel('Name', { exact: true }).fill('four-nodes')
  await page.getByLabel('Partition').fill('two words')
  await expect(row(page, 'partition')).toContainText('One word')
  await expect(page.getByLabel('Partition')).toHaveAccessibleDescription(/One word/)
  expect(await seriousFindings(page)).toEqual([])
  await page.getByLabel('Partition').fill('')
  await page.getByLabel('Trials at once').fill('4')
  await page.getByLabel('Preamble').fill('module load nodejs\nexport A=1')
  await page.getByLabel('Preamble').blur()
  await expect(page.locator('.mistakes')).toHaveText('no mistakes')
  const save = page.getByRole('button', { name: 'Save', exact: true })
  await answer(1)
  await save.click()
  await expect.poll(() => app.evaluate(() => Object(Reflect.get(globalThis, 'asked')).detail)).toContain('export A=1')
  expect(existsSync(kept)).toBe(false)
  await answer(0)
  await save.click()
  await expect(page.getByText('Saved.')).toBeVisible()
  expect(readFileSync(kept, 'utf8')).toContain('preamble: |-\n  module load nodejs\n  export A=1\n')
  await page.getByRole('link', { name: '← Settings' }).click()
  await expect(page.getByText('Slurm on this machine · time limit 30 min · 4 at once')).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])

  await openDraft(page)
  await write(page, sweep('far', 4, 12))
  await expect(page.getByTestId('sweep-size')).toHaveText('6 points × 2 seeds = 12 trials')
  await page.getByLabel('Where').selectOption('four-nodes')
  await expect(page.getByTestId('sweep-tasks')).toHaveText(
    '12 tasks · 4 at the same time at most · time limit 30 min a job',
  )
  await expect(page.getByLabel('The command that does the same')).toContainText('--cluster four-nodes')
})

test('a sweep cannot be watched, paused, resumed, extended, or its best promoted', async ({ open, logDir }) => {
  const { app, page } = await open()
  await page.evaluate(() => void (location.hash = '#/sweeps'))
  await expect(page.getByRole('heading', { name: 'No sweeps yet' })).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])
  await openDraft(page)
  // As many epochs as looking at it takes.
  await write(page, sweep('watched', 10_000_000, 12))
  await expect(page.getByTestId('sweep-size')).toHaveText('6 points × 2 seeds = 12 trials')
  await button(page, 'Run sweep').click()
  await expect(status(page)).toHaveText('running')
  await expect(parts(page)).toContainText('12 training')
  await inEveryLook(app, page, 'sweep-running')
  await button(page, 'Pause').click()
  await expect(status(page)).toHaveText('paused')
  await expect(parts(page)).toContainText('12 to go on')
  await page.getByRole('button', { name: 'Resume', exact: true }).click()
  await expect(parts(page)).toContainText('12 training')
  await button(page, 'Pause').click()
  await expect(status(page)).toHaveText('paused')

  await openDraft(page)
  await write(page, sweep('ended', 4, 12))
  await button(page, 'Run sweep').click()
  await expect(status(page)).toHaveText('finished')
  await expect(parts(page)).toHaveText('12 of 12 trials done')

  await button(page, 'Add trials…').click()
  await page.getByLabel('Further points').fill('2')
  await button(page, 'Add and go on').click()
  await expect(parts(page)).toContainText('of 16 trials')
  await expect(status(page)).toHaveText('finished')
  await expect(page.getByRole('region', { name: 'Trials', exact: true }).getByRole('row')).toHaveCount(17)
  await expect(page.getByRole('table', { name: 'Importance' })).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])
  await inEveryLook(app, page, 'sweep')

  await button(page, 'Promote to a run…').click()
  await page.getByLabel('Experiment').fill('../out')
  await expect(button(page, 'Promote').last()).toBeDisabled()
  await page.getByLabel('Experiment').fill('chosen')
  expect(await seriousFindings(page)).toEqual([])
  await button(page, 'Promote').last().click()
  await expect(page).toHaveURL(/#\/runs\//)
  expect(existsSync(join(logDir, 'chosen', 'v0', 'checkpoints', 'best.safetensors'))).toBe(true)
  const trials = readFileSync(join(logDir, 'ended', 'trials.jsonl'), 'utf8')
    .trim()
    .split('\n')
  expect(trials).toHaveLength(16)

  await page.evaluate(() => void (location.hash = '#/sweeps/ended'))
  await page.getByRole('checkbox', { name: 'Trial 0' }).check()
  await page.getByRole('checkbox', { name: 'Trial 3' }).check()
  await button(page, 'Compare 2 runs').click()
  await expect(page).toHaveURL(/#\/compare\?.*runs=/)
})

test('a sweep that halves its trials forgets its rungs when it is paused, or trains a halved one on', async ({
  open,
  logDir,
}) => {
  const { app, page } = await open()
  await openDraft(page)
  const halving = `${sweep('halved', 10_000_000, 9).replace('method: random', 'method: asha').replace('seeds: 0..1', 'seeds: 0')}options: { min_epochs: 2, reduction: 3 }\n`
  await write(page, halving)
  await button(page, 'Run sweep').click()
  // Rungs are at 2, 6, 18, … epochs: who is left after the third trains alone.
  await expect(parts(page)).toContainText('1 training')
  await expect(parts(page)).toContainText('8 halved')
  await button(page, 'Pause').click()
  await expect(status(page)).toHaveText('paused')
  await expect(parts(page)).toContainText('1 to go on')
  await expect(parts(page)).toContainText('8 halved')
  const rungs = (): string => readFileSync(join(logDir, 'halved', 'trials.jsonl'), 'utf8')
  const before = rungs()
  // It was not halved as it was the best of each rung, though later epochs of it may be worse.
  await expect(page.getByTestId('sweep-ahead')).toContainText('not at its end')
  await inEveryLook(app, page, 'sweep-halved')
  await page.getByRole('button', { name: 'Resume', exact: true }).click()
  await expect(parts(page)).toContainText('1 training')
  await button(page, 'Pause').click()
  await expect(status(page)).toHaveText('paused')
  await expect(parts(page)).toContainText('1 to go on')
  await expect(parts(page)).toContainText('8 halved')
  expect(rungs()).toBe(before)
  expect(await seriousFindings(page)).toEqual([])
})

test('a sweep ends with its window unless it is kept, or is lost for the next one', async ({ open }) => {
  const first = await open()
  await openDraft(first.page)
  await write(first.page, sweep('kept', 1_000_000, 2))
  await button(first.page, 'Run sweep').click()
  await expect(parts(first.page)).toContainText('2 training')
  await first.app.close()
  const { page } = await open()
  await page.evaluate(() => void (location.hash = '#/sweeps'))
  await expect(status(page)).toHaveText('stopped')
  await expect(parts(page)).toContainText('2 to go on')
})

test('a sweep that a terminal works on seems to run for ever after that has ended', async ({ open, logDir }) => {
  const { page } = await open()
  await openDraft(page)
  await write(page, sweep('elsewhere', 2, 2))
  await button(page, 'Run sweep').click()
  await expect(status(page)).toHaveText('finished')
  // No run changes with who works on the sweep.
  const owner = join(logDir, 'elsewhere', '.sweep-owner')
  writeFileSync(owner, JSON.stringify({ pid: process.pid, host: hostname(), started: 'running' }))
  await page.reload()
  await expect(status(page)).toHaveText('running')
  rmSync(owner)
  await expect(status(page)).toHaveText('finished')
})
