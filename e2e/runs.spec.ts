import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { RUN_FILES } from '../src/shared/domain/run'
import { expect, expectCopied, test } from './support/electron'
import { writeEvaluation } from './support/evaluation'
import { appendMetrics, epochFigures, metricLine, writeRun, writeWorkspace } from './support/logFolder'
import { edgeColours, picture } from './support/pictures'

test('the table shows every run, newest first, with words for what the colours say', async ({ open, logDir }) => {
  writeWorkspace(logDir)
  const { page } = await open()
  const rows = page.getByRole('grid', { name: 'Runs' }).getByRole('row')
  await expect(rows.nth(1)).toContainText('seeds/s2')
  await expect(rows.nth(1)).toContainText('running')
  await expect(page.getByRole('row', { name: /crashed schedules\/onecycle/ })).toBeVisible()
  await expect(page.getByRole('row', { name: /failed schedules\/lr-too-high/ })).toBeVisible()
  await expect(page.getByText('2 folders have files that cannot be read')).toBeVisible()
  await page.getByText('2 folders have files').click()
  await expect(page.getByText('run.json is not valid JSON')).toBeVisible()
  await expect(page.getByText('run.json is missing')).toBeVisible()
})

test('sorting by a figure puts runs without it last in both directions', async ({ open, logDir }) => {
  writeRun(logDir, { exp_name: 'a', exp_version: 'low', quality: 0.3, created: 1e12 })
  writeRun(logDir, { exp_name: 'a', exp_version: 'high', quality: 0.9, created: 2e12 })
  writeRun(logDir, { exp_name: 'a', exp_version: 'none', status: 'interrupted', created: 3e12 })
  const { page } = await open()
  const names = () => page.locator('td.name').allInnerTexts()
  await expect(page.locator('td.name')).toHaveCount(3)
  const header = page.getByRole('columnheader', { name: 'test_acc', exact: true })
  await header.getByRole('button').click()
  await expect(header).toHaveAttribute('aria-sort', 'descending')
  expect(await names()).toEqual(['a/high', 'a/low', 'a/none'])
  await header.getByRole('button').click()
  await expect(header).toHaveAttribute('aria-sort', 'ascending')
  expect(await names()).toEqual(['a/low', 'a/high', 'a/none'])
})

test('everything is reached from the keyboard: filter, rows, the selected run, and back', async ({ open, logDir }) => {
  writeWorkspace(logDir)
  const { page } = await open()
  await expect(page.getByRole('row', { name: /seeds\/s2/ })).toHaveAttribute('aria-selected', 'true')
  await page.keyboard.press('/')
  await expect(page.getByRole('searchbox', { name: 'Filter runs' })).toBeFocused()
  await page.keyboard.type('dims caimira')
  await expect(page.getByRole('status').filter({ hasText: '3 of 23' })).toBeVisible()
  await page.keyboard.press('ArrowDown')
  await expect(page.getByRole('grid', { name: 'Runs' })).toBeFocused()
  await page.keyboard.press('Home')
  await expect(page.getByRole('row', { name: /dims\/v6/ })).toHaveAttribute('aria-selected', 'true')
  await page.keyboard.press('ArrowDown')
  const second = page.getByRole('row', { name: /dims\/v3/ })
  await expect(second).toHaveAttribute('aria-selected', 'true')
  const active = await page.getByRole('grid', { name: 'Runs' }).getAttribute('aria-activedescendant')
  expect(active).toBe(await second.getAttribute('id'))
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/#\/runs\//)
  await expect(page.getByRole('heading', { name: 'dims/v3' })).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('grid', { name: 'Runs' })).toBeFocused()
  await expect(second).toHaveAttribute('aria-selected', 'true')
  await expect(page.getByRole('searchbox', { name: 'Filter runs' })).toHaveValue('dims caimira')
})

test('a filter without a match says so and can be cleared', async ({ open, logDir }) => {
  writeRun(logDir, { exp_name: 'a', exp_version: 'v0' })
  const { page } = await open()
  await page.getByRole('searchbox').fill('nothing like this')
  await expect(page.getByText('No run matches “nothing like this”.')).toBeVisible()
  await page.getByRole('button', { name: 'Clear the filter' }).click()
  await expect(page.getByRole('row', { name: /a\/v0/ })).toBeVisible()
})

test('a run shows its figures, config, log, files and the command, which can be copied', async ({ open, logDir }) => {
  const dir = writeRun(logDir, { exp_name: 'default_exp', exp_version: 'v0', epochs: 30 })
  const { app, page } = await open()
  const panel = page.getByRole('region', { name: 'Selected run' })
  await expect(panel.getByRole('img', { name: /^Loss by epoch: train_loss 0\.\d{4} after 30 epochs/ })).toBeVisible()
  await expect(panel.getByRole('img', { name: /^Accuracy by epoch/ })).toBeVisible()
  await panel.getByRole('button', { name: 'Open' }).click()
  // The panel under the table has the same tabs.
  await expect(page.getByRole('button', { name: 'Back to the runs' })).toBeVisible()
  await panel.getByRole('tab', { name: 'Curves' }).press('ArrowRight')
  await expect(panel.getByRole('tab', { name: 'Evaluation' })).toBeFocused()
  await panel.getByRole('tab', { name: 'Evaluation' }).press('ArrowRight')
  await expect(panel.getByRole('tab', { name: 'Config' })).toBeFocused()
  await expect(panel.getByLabel('hparams.yaml')).toContainText('learning_rate: 0.002')
  await panel.getByRole('tab', { name: 'Log' }).click()
  await expect(panel.getByLabel('run.log')).toContainText('epoch  29')
  await panel.getByRole('tab', { name: 'Files' }).click()
  await expect(panel.getByText(dir, { exact: true })).toBeVisible()
  await expect(panel.getByRole('row', { name: /metrics\.jsonl .* every figure/ })).toBeVisible()
  await panel.getByRole('tab', { name: 'Engine' }).click()
  await expect(panel.getByText('fused, 2 threads').or(panel.getByText('wasm, 2 threads')).first()).toBeVisible()
  await expect(panel.getByText(`Found in ${dir}`)).toBeVisible()
  await expectCopied(
    app,
    panel.getByRole('button', { name: 'Copy the command that trains it again' }),
    'npm run -s delta -- train --dts_name simpler --model_name caimira --exp_name default_exp --exp_version v0 --max_epochs 30',
  )
})

test('curves by step and time, smoothed, on a log scale, and as a table', async ({ open, logDir }) => {
  writeRun(logDir, { exp_name: 'a', exp_version: 'v0', epochs: 40 })
  const { page } = await open()
  await page.getByRole('button', { name: 'Open' }).click()
  await page.getByLabel('Horizontal axis').selectOption('step')
  await expect(page.getByRole('img', { name: /^Loss by step: train_loss 0\.\d{4} after 40 points/ })).toBeVisible()
  await page.getByLabel('Horizontal axis').selectOption('time')
  await expect(page.getByRole('img', { name: /^Loss by time/ })).toBeVisible()
  await page.getByRole('slider', { name: /Smoothing/ }).fill('0.9')
  await page.getByLabel('Log scale').check()
  await page.getByRole('button', { name: 'Loss as a table' }).click()
  const table = page.getByRole('region', { name: 'Loss: table' })
  await expect(table.getByRole('row')).toHaveCount(41)
  await expect(table.getByRole('columnheader')).toHaveText(['time', 'train_loss', 'val_loss'])
  await page.getByRole('button', { name: 'Charts' }).click()
  await page.getByLabel('acc', { exact: true }).uncheck()
  await expect(page.getByRole('img', { name: /^Accuracy/ })).toBeHidden()
  await page.reload()
  await expect(page.getByLabel('Horizontal axis')).toHaveValue('time')
  await expect(page.getByLabel('Log scale')).toBeChecked()
  await expect(page.getByRole('img', { name: /^Accuracy/ })).toBeHidden()
})

test('an expression filters, a fault in it is shown with its place, and a value is filtered by with the menu', async ({
  open,
  logDir,
}) => {
  writeWorkspace(logDir)
  const { page } = await open()
  const box = page.getByRole('searchbox', { name: 'Filter runs' })
  const status = page.getByRole('status').filter({ hasText: 'of 23' })
  await box.fill('model_name = "model1" and exp_name = dims')
  await expect(status).toHaveText('3 of 23')
  await box.fill('model_name = ')
  await expect(page.getByRole('alert')).toContainText('The filter is not understood at column')
  await expect(status).toHaveText('3 of 23')
  await box.fill('')
  await expect(page.getByRole('alert')).toBeHidden()
  const cell = page.getByRole('row', { name: /dims\/v6/ }).locator('td.model')
  await cell.click({ button: 'right' })
  await page.getByText('Only model_name = "caimira"').click()
  await expect(box).toHaveValue('model_name = "caimira"')
  await expect(page.getByRole('grid').getByRole('row', { name: /model1/ })).toHaveCount(0)
})

test('columns are chosen among all figures and parameters, kept, and sorted by; groups show means', async ({
  open,
  logDir,
}) => {
  writeWorkspace(logDir)
  const { page } = await open()
  await page.getByRole('button', { name: 'Columns' }).click()
  await page.getByLabel('Find a column').fill('learning')
  await page.getByRole('dialog').getByLabel('trainer.learning_rate').check()
  await page.keyboard.press('Escape')
  const header = page.getByRole('columnheader', { name: 'learning_rate' })
  await expect(header).toBeVisible()
  await expect(page.getByRole('row', { name: /dims\/v5/ })).toContainText('0.002')
  await page.reload()
  await expect(header).toBeVisible()
  await page.getByRole('searchbox', { name: 'Filter runs' }).fill('dims')
  await page.getByLabel('Group by').selectOption('model')
  const group = page.getByRole('button', { expanded: true, name: /^model1 3/ })
  await expect(group).toBeVisible()
  await group.click()
  await expect(page.getByRole('button', { expanded: false, name: /^model1 3/ })).toBeVisible()
  await expect(page.getByRole('row', { name: /finished dims\/v4 model1/ })).toHaveCount(0)
})

test('ticked runs are starred, tagged, moved to the trash, taken back, and deleted for good with the bytes said', async ({
  open,
  logDir,
}) => {
  const dirs = ['v0', 'v1', 'v2'].map((exp_version, index) =>
    writeRun(logDir, { exp_name: 'a', exp_version, created: 1e12 + index * 1e6 }),
  )
  const { page } = await open()
  const grid = page.getByRole('grid', { name: 'Runs' })
  await expect(page.getByRole('row', { name: /a\/v2/ })).toBeVisible()
  await grid.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('Space')
  await page.keyboard.press('Shift+ArrowDown')
  await expect(page.getByText('2 ticked')).toBeVisible()
  await page.keyboard.press('s')
  await expect(page.getByRole('button', { name: 'Star a/v1', pressed: true })).toBeVisible()
  await page.keyboard.press('t')
  await page.getByLabel('New tag').fill('baseline, odd one')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('checkbox', { name: 'odd one' })).toBeChecked()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('row', { name: /a\/v2 baseline odd one/ })).toBeVisible()
  expect(readFileSync(join(dirs[2] ?? '', RUN_FILES.annotations), 'utf8')).toContain('"baseline"')

  await page.getByRole('button', { name: 'Move to trash' }).click()
  await expect(page.getByRole('row', { name: /a\/v2/ })).toBeHidden()
  await expect(page.getByText('2 runs moved to the trash')).toBeVisible()
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(page.getByRole('row', { name: /a\/v2 baseline/ })).toBeVisible()

  await page.getByRole('row', { name: /a\/v0/ }).click()
  await page.keyboard.press('Escape')
  await grid.focus()
  await page.keyboard.press('Delete')
  await expect(page.getByRole('row', { name: /a\/v0/ })).toBeHidden()
  await page.getByRole('button', { name: 'Trash (1)' }).click()
  await page.getByRole('row', { name: /a\/v0/ }).click()
  await page.getByRole('checkbox', { name: 'Tick a/v0' }).check()
  await page.getByRole('button', { name: 'Delete for good…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click()
  await expect(page.getByText(/1 run deleted for good, \d+(\.\d+)? k?B freed/)).toBeVisible()
  await expect(page.getByText('The trash is empty.')).toBeVisible()
  expect(existsSync(dirs[0] ?? '')).toBe(false)
})

test('the palette finds commands and runs, and every shortcut is on one sheet', async ({ open, logDir }) => {
  writeWorkspace(logDir)
  const { page } = await open()
  await expect(page.getByRole('row', { name: /dims\/v5/ })).toBeVisible()
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Search commands and runs' }).fill('dims v5')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'dims/v5' })).toBeVisible()
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Search commands and runs' }).fill('settings')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Settings' })).toBeVisible()
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toContainText('Show all shortcuts')
  await page.keyboard.press('Escape')
  await page.keyboard.press('g')
  await page.keyboard.press('r')
  await expect(page.getByRole('grid', { name: 'Runs' })).toBeVisible()
})

test('the head of a table hides the upper edge of the frame that says where the keyboard is', async ({
  open,
  logDir,
}) => {
  writeWorkspace(logDir)
  const { page } = await open()
  await page.keyboard.press('/')
  await page.keyboard.press('ArrowDown')
  const runs = page.getByRole('grid', { name: 'Runs' })
  await expect(runs).toBeFocused()
  // Of the accent's colour all round, and of no other.
  const accent = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement('div'))
    probe.style.color = 'var(--accent)'
    const [, rgb = ''] = /\((.*)\)/.exec(getComputedStyle(probe).color) ?? []
    probe.remove()
    return rgb.replaceAll(' ', '')
  })
  await expect.poll(() => edgeColours(page, runs)).toEqual([accent])
  await picture(page, 'runs-focused')
  await page.getByRole('link', { name: 'Data sets' }).click()
  await page.getByRole('tab', { name: 'Rows' }).click()
  const rows = page.getByRole('grid', { name: 'Rows' })
  await rows.focus()
  await page.keyboard.press('ArrowDown')
  await expect.poll(() => edgeColours(page, rows)).toEqual([accent])
  await picture(page, 'rows-focused')
})

test('curves are drawn: the canvas holds the colours of both series', async ({ open, logDir }) => {
  writeRun(logDir, { exp_name: 'a', exp_version: 'v0', epochs: 40 })
  const { page } = await open()
  const canvas = page.getByRole('img', { name: /^Loss by epoch/ }).locator('canvas')
  await expect
    .poll(() =>
      canvas.evaluate((element) => {
        if (!(element instanceof HTMLCanvasElement)) return []
        const pixels = element.getContext('2d')?.getImageData(0, 0, element.width, element.height).data ?? []
        const wanted = { train: [0, 114, 178], val: [193, 79, 0], trainDark: [86, 180, 233], valDark: [240, 169, 59] }
        const seen = new Set<string>()
        for (let at = 0; at < pixels.length; at += 4) {
          for (const [name, rgb] of Object.entries(wanted)) {
            if (rgb.every((part, index) => Math.abs((pixels[at + index] ?? 0) - part) < 4)) seen.add(name.slice(0, 3))
          }
        }
        return [...seen].sort()
      }),
    )
    .toEqual(['tra', 'val'])
})

test('the empty folder says what to do next, and the first run takes its place', async ({ open, logDir }) => {
  const { page } = await open()
  await expect(page.getByRole('heading', { name: 'No runs yet' })).toBeVisible()
  await expect(page.getByText(`npm run -s delta -- train --dts_name simpler --log_dir ${logDir}`)).toBeVisible()
  writeRun(logDir, { exp_name: 'default_exp', exp_version: 'v0' })
  await expect(page.getByRole('row', { name: /default_exp\/v0/ })).toBeVisible()
})

test('a run appears and grows while the window is open, and nothing moves under the reader', async ({
  open,
  logDir,
}) => {
  for (let index = 0; index < 60; index++) {
    writeRun(logDir, { exp_name: 'many', exp_version: `v${index}`, epochs: 2, created: 1e12 + index * 1e6 })
  }
  const { page } = await open()
  await page.getByRole('row', { name: /many\/v59/ }).click()
  await page.keyboard.press('PageDown')
  await page.keyboard.press('PageDown')
  const selected = page.getByRole('row', { selected: true })
  const name = await selected.locator('td.name').innerText()
  const before = await selected.boundingBox()

  const created = Date.now()
  const dir = writeRun(logDir, {
    exp_name: 'live',
    exp_version: 'v0',
    status: 'running',
    pid: process.pid,
    epochs: 3,
    created,
  })
  await expect(page.getByRole('status').filter({ hasText: '61' })).toBeVisible()
  await expect(selected.locator('td.name')).toHaveText(name)
  expect(await selected.boundingBox()).toEqual(before)

  await page.getByRole('grid').press('Home')
  await expect(page.getByRole('heading', { name: 'live/v0' })).toBeVisible()
  const chart = page.getByRole('img', { name: /^Loss by epoch/ })
  const place = await chart.boundingBox()
  for (const epoch of [3, 4, 5]) appendMetrics(dir, metricLine(epoch, created, epochFigures(epoch, 0.8)))
  await expect(page.getByRole('img', { name: /after 6 epochs/ }).first()).toBeVisible()
  await expect(selected.locator('td.epochs')).toHaveText('6')
  expect(await chart.boundingBox()).toEqual(place)
})

test('a run whose process is killed reads crashed, not running', async ({ open, logDir }) => {
  const engine = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  writeRun(logDir, {
    exp_name: 'a',
    exp_version: 'v0',
    status: 'running',
    pid: engine.pid,
    epochs: 3,
    created: Date.now(),
  })
  const { page } = await open()
  await expect(page.getByRole('row', { name: /running a\/v0/ })).toBeVisible()
  engine.kill('SIGKILL')
  await once(engine, 'exit')
  await expect(page.getByRole('row', { name: /crashed a\/v0/ })).toBeVisible()
  await expect(page.getByText(`Its process (${engine.pid}) ended without a word`)).toBeVisible()
})

test('a deleted run leaves the table, and half a line of metrics is waited for', async ({ open, logDir }) => {
  const gone = writeRun(logDir, { exp_name: 'a', exp_version: 'gone', created: 2e12 })
  const kept = writeRun(logDir, { exp_name: 'a', exp_version: 'kept', created: 1e12, epochs: 5 })
  appendFileSync(join(kept, RUN_FILES.metrics), '{"epoch": 5, "st')
  const { page } = await open()
  await expect(page.getByRole('row', { name: /a\/gone/ })).toBeVisible()
  await expect(page.getByText('cannot be read')).toBeHidden()
  rmSync(gone, { recursive: true })
  await expect(page.getByRole('row', { name: /a\/gone/ })).toBeHidden()
  await expect(page.getByRole('heading', { name: 'a/kept' })).toBeVisible()
})

test('the theme is kept, and following the system follows it', async ({ open, logDir }) => {
  writeRun(logDir, { exp_name: 'a', exp_version: 'v0' })
  const { page } = await open()
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const LIGHT = 'rgb(244, 246, 248)'
  const DARK = 'rgb(19, 22, 27)'
  await page.emulateMedia({ colorScheme: 'light' })
  await expect.poll(background).toBe(LIGHT)
  await page.emulateMedia({ colorScheme: 'dark' })
  await expect.poll(background).toBe(DARK)
  await page.emulateMedia({ colorScheme: 'light' })
  await expect.poll(background).toBe(LIGHT)
  await page.getByRole('radio', { name: 'Dark' }).check({ force: true })
  await expect.poll(background).toBe(DARK)
  await page.reload()
  await expect(page.getByRole('radio', { name: 'Dark' })).toBeChecked()
  await expect.poll(background).toBe(DARK)
})

test('a run’s evaluation is shown with intervals, controls and slices; one without says how it is made', async ({
  open,
  logDir,
}) => {
  writeEvaluation(writeRun(logDir, { exp_name: 'a', exp_version: 'evaluated' }))
  const { page } = await open()
  await page.getByRole('row', { name: /a\/evaluated/ }).dblclick()
  // The panel under the table has the same tabs.
  await expect(page.getByRole('button', { name: 'Back to the runs' })).toBeVisible()
  await page.getByRole('tab', { name: 'Evaluation' }).click()
  const shown = page.getByRole('region', { name: 'Evaluation' })
  await expect(shown).toContainText('1,000 pairs of 40 users')
  await expect(shown.getByRole('row', { name: /Users shuffled/ })).toContainText('+1.2')
  await expect(shown.getByRole('row', { name: /^food/ })).toContainText('78.1 %')
  await expect(shown.getByRole('img', { name: /2 bins/ })).toBeVisible()
  await shown.getByRole('radio', { name: 'test_unseen' }).check()
  await expect(shown).toContainText('delta eval a/evaluated --split test_unseen')
})
