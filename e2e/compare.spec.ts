import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ElectronApplication, Page } from '@playwright/test'
import { seriousFindings } from './support/axe'
import { expect, test } from './support/electron'
import { trainRuns } from './support/trainedRuns'

/** Ticks every run and compares them; those of `first` is the reference. */
async function compareAll(page: Page, first: RegExp, count = 5): Promise<void> {
  await expect(page.getByRole('row', { name: /sizes\// })).toHaveCount(count)
  await page.getByRole('checkbox', { name: 'Tick all runs that are shown' }).check()
  await page.getByRole('grid', { name: 'Runs' }).focus()
  await page.keyboard.press('v')
  await expect(page.getByRole('heading', { name: 'Compare', exact: true })).toBeVisible()
  const reference = page.getByLabel('Reference')
  await expect(reference.locator('option')).toHaveCount(count)
  await reference.selectOption(await reference.locator('option').filter({ hasText: first }).innerText())
}

async function expectClipboard(app: ElectronApplication, page: Page, button: string, text: RegExp): Promise<void> {
  await expect(async () => {
    await page.getByRole('button', { name: button }).click()
    await expect.poll(() => app.evaluate(({ clipboard }) => clipboard.readText()), { timeout: 2_000 }).toMatch(text)
  }).toPass()
}

test('trained runs are compared: seeds in one column, differences tested, configurations side by side', async ({
  open,
  logDir,
}) => {
  await trainRuns(logDir)
  const { app, page } = await open()
  await expect(page.getByRole('row', { name: /sizes\// })).toHaveCount(5)
  await page.keyboard.press('g')
  await page.keyboard.press('c')
  await expect(page.getByRole('heading', { name: 'Nothing is compared yet' })).toBeVisible()
  await page.keyboard.press('g')
  await page.keyboard.press('r')
  await compareAll(page, /k5-s1/)

  const results = page.getByRole('table', { name: 'Results' })
  await expect(results.getByRole('columnheader')).toHaveCount(3)
  await expect(results.getByRole('columnheader', { name: /sizes\/k5 reference, 2 seeds/ })).toBeVisible()
  const accuracy = results.getByRole('row', { name: /^test_acc / })
  await expect(accuracy).toContainText(/0\.\d{4} ± 0\.\d{4}/)
  await expect(accuracy).toContainText(/[−+]0\.\d{4}/)
  await expect(accuracy.getByText('best')).toHaveCount(1)
  await expect(page.getByText('Of two runs it says little')).toBeVisible()

  const tested = page.getByRole('table', { name: 'Accuracy on the same pairs' })
  await expect(tested.getByRole('row', { name: /sizes\/bt .* worse/ })).toBeVisible()
  await expect(page.getByText('corrected by Holm for 2 comparisons')).toBeVisible()
  await page.getByRole('radio', { name: 'test_unseen' }).check()
  await expect(page).toHaveURL(/split=test_unseen/)
  await expect(tested.getByRole('row', { name: /sizes\/bt .* undecided/ })).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])
  await expectClipboard(app, page, 'Copy: the results as CSV', /^group,runs,.*test_acc_mean.*\r\n.*sizes\/k5,2,/s)

  await page.getByRole('checkbox', { name: 'Group seeds' }).uncheck()
  await expect(results.getByRole('columnheader')).toHaveCount(5)

  await page.getByRole('tab', { name: 'Configuration' }).click()
  const configuration = page.getByRole('table', { name: 'Configuration' })
  await expect(configuration.getByRole('row', { name: /^n_dim / })).toContainText('missing')
  await expect(configuration.getByRole('row', { name: /^max_epochs / })).toHaveCount(0)
  expect(await seriousFindings(page)).toEqual([])
  await page.getByRole('checkbox', { name: 'Also what is equal' }).check()
  await expect(configuration.getByRole('row', { name: /^max_epochs / })).toBeVisible()
  await page.getByRole('searchbox', { name: 'Find a key or a value' }).fill('caimira n_dim')
  await expect(configuration.getByRole('row', { name: /^max_epochs / })).toHaveCount(0)
  await configuration.getByRole('button', { name: 'caimira.n_dim: 2' }).first().click()
  await expect(page.getByRole('dialog', { name: 'caimira.n_dim' })).toContainText('of sizes/k2-s')
  await page.keyboard.press('Escape')
  await expectClipboard(app, page, 'Copy: the configuration as Markdown', /\| caimira\.n\\_dim \|.*\(missing\)/)

  // The address holds it all: coming back from elsewhere, and opened anew.
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Settings' }).click()
  await page.getByRole('link', { name: 'Compare' }).click()
  await expect(page).toHaveURL(/tab=configuration/)
  await page.reload()
  await expect(page.getByRole('checkbox', { name: 'Also what is equal' })).toBeChecked()
  await page.getByRole('button', { name: /Take sizes\/bt out/ }).click()
  await expect(page.getByText('4 runs', { exact: true })).toBeVisible()
  await page.getByRole('button', { name: 'Add runs…' }).click()
  await page.getByRole('checkbox', { name: /sizes\/bt/ }).check()
  await page.getByRole('button', { name: 'Add 1' }).click()
  await expect(page.getByText('5 runs', { exact: true })).toBeVisible()
})

test('the link to the page that one is on empties it', async ({ open, logDir }) => {
  await trainRuns(logDir)
  const { page } = await open()
  await compareAll(page, /k5-s1/)
  await page.getByRole('tab', { name: 'Configuration' }).click()
  await expect(page).toHaveURL(/tab=configuration/)
  const pages = page.getByRole('navigation', { name: 'Pages' })
  await pages.getByRole('link', { name: 'Compare' }).click()
  await expect(page.getByRole('table', { name: 'Configuration' })).toBeVisible()
  await expect(page).toHaveURL(/tab=configuration/)

  await pages.getByRole('link', { name: 'Users' }).click()
  await expect(page).toHaveURL(/#\/users\?run=/)
  const found = page.url()
  await pages.getByRole('link', { name: 'Users' }).click()
  await expect(page).toHaveURL(found)

  await pages.getByRole('link', { name: 'Compare' }).click()
  await page.getByRole('button', { name: 'Take all out' }).click()
  await expect(page.getByRole('heading', { name: 'Nothing is compared yet' })).toBeVisible()
  await pages.getByRole('link', { name: 'Compare' }).click()
  await expect(page.getByRole('heading', { name: 'Nothing is compared yet' })).toBeVisible()
})

test('a comparison is kept under a name: opened from the palette, renamed, deleted and taken back', async ({
  open,
  logDir,
}) => {
  await trainRuns(logDir)
  const { page } = await open()
  await compareAll(page, /k5-s1/)
  await page.getByRole('tab', { name: 'Configuration' }).click()
  await page.keyboard.press('s')
  const dialog = page.getByRole('dialog', { name: 'Saved comparisons' })
  await dialog.getByLabel('Save this one as').fill('<b>all</b>, 5')
  await page.keyboard.press('Enter')
  await expect(dialog).toBeHidden()
  await expect(page.getByRole('main')).toContainText('<b>all</b>, 5')

  await page.getByRole('button', { name: 'Take all out' }).click()
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Search commands and runs' }).fill('all 5')
  await page.getByRole('option', { name: /<b>all<\/b>, 5 Comparisons/ }).click()
  await expect(page.getByText('5 runs', { exact: true })).toBeVisible()
  await expect(page.getByRole('tab', { name: 'Configuration' })).toHaveAttribute('aria-selected', 'true')
  await expect(page.getByLabel('Reference').locator('option:checked')).toHaveText(/k5-s1/)

  await page.getByRole('button', { name: 'Saved…' }).click()
  await dialog.getByRole('button', { name: /^Rename/ }).click()
  await dialog.getByLabel(/^New name of/).fill('sizes')
  await page.keyboard.press('Enter')
  await expect(dialog.getByRole('button', { name: /^sizes 5 runs/ })).toBeVisible()
  await expect(page).toHaveURL(/name=sizes/)
  expect(await seriousFindings(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Delete sizes' }).click()
  await expect(dialog).toContainText('Nothing is saved yet')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByRole('button', { name: 'Saved…' }).click()
  await expect(dialog.getByRole('button', { name: /^sizes 5 runs/ })).toBeVisible()
})

test('a chart stays larger than its place, and scrolls, once the window has changed', async ({ open, logDir }) => {
  await trainRuns(logDir)
  const { app, page } = await open()
  await compareAll(page, /k5-s1/)
  await page.getByRole('tab', { name: 'Curves' }).click()
  const charts = page.getByRole('img', { name: /^val_(loss|acc) by epoch/ })
  await expect(charts).toHaveCount(2)
  // How much wider and higher than its place each is.
  const excess = (): Promise<number[][]> =>
    charts.evaluateAll((places) =>
      places.map((place) => {
        const canvas = place.querySelector('canvas')
        return [canvas?.clientWidth ?? 0, canvas?.clientHeight ?? 0].map(
          (size, i) => size - (i === 0 ? place.clientWidth : place.clientHeight),
        )
      }),
    )
  for (const size of [
    [1280, 785],
    [2560, 1440],
    [1280, 800],
  ]) {
    await app.evaluate(
      ({ BrowserWindow }, [w = 0, h = 0]) => BrowserWindow.getAllWindows()[0]?.setContentSize(w, h),
      size,
    )
    await expect.poll(() => page.evaluate(() => [innerWidth, innerHeight])).toEqual(size)
    await expect.poll(excess).toEqual([
      [0, 0],
      [0, 0],
    ])
  }
})

test('a report and a chart that are saved are not where the person said, or are not what was shown', async ({
  open,
  folder,
  logDir,
}) => {
  await trainRuns(logDir)
  const { app, page } = await open()
  await compareAll(page, /k5-s1/)
  await app.evaluate(({ dialog }, to) => {
    dialog.showSaveDialog = async (...args: unknown[]) => {
      const { defaultPath } = Object(args.at(-1))
      return { canceled: false, filePath: `${to}/${String(defaultPath)}` }
    }
  }, folder)
  await page.getByRole('button', { name: 'Report…' }).click()
  const file = join(folder, 'comparison.html')
  await expect.poll(() => existsSync(file)).toBe(true)
  const html = readFileSync(file, 'utf8')
  for (const part of ['sizes/k5', 'corrected by Holm for 2 comparisons', '<svg', 'SHA-256', '<b>Command</b> <code>'])
    expect(html).toContain(part)

  await page.getByRole('tab', { name: 'Curves' }).click()
  await page.getByRole('button', { name: 'Show val_loss as a table' }).click()
  const table = page.getByRole('dialog', { name: 'val_loss' })
  await expect(table.getByRole('row')).toHaveCount(1 + 3 * 20)
  await expect(table.getByRole('row', { name: /^sizes.k5 2 1 / })).toHaveText(/^sizes\/k5\s*2\s*1\s*0\.\d+/)
  expect(await seriousFindings(page)).toEqual([])
  await page.keyboard.press('Escape')
  const save = page.getByRole('button', { name: 'Save the chart val_loss' })
  for (const kind of ['PNG', 'SVG', 'CSV']) {
    await save.click()
    await page.getByText(kind, { exact: true }).click()
    await expect.poll(() => existsSync(join(folder, `val_loss.${kind.toLowerCase()}`))).toBe(true)
  }
  const read = (kind: string): Buffer => readFileSync(join(folder, `val_loss.${kind}`))
  expect(read('png').subarray(1, 4).toString()).toBe('PNG')
  expect(read('svg').toString()).toMatch(/^<svg [^]*<path /)
  expect(read('csv').toString()).toMatch(/^curve,runs,epoch,mean,low,high\r\n[^]*sizes\/k5,2,1,0\./)
})

test('curves of trained runs lie over each other: means over seeds, told apart by a parameter, brought out together', async ({
  open,
  logDir,
}) => {
  await trainRuns(logDir)
  const { page } = await open()
  await compareAll(page, /k5-s1/)
  await page.getByRole('tab', { name: 'Curves' }).click()
  const loss = page.getByRole('img', { name: /^val_loss by epoch, last values: .*sizes\/k5 0\.\d{4}/ })
  await expect(loss).toBeVisible()
  const legend = page.getByRole('complementary', { name: 'Curves' }).getByRole('listitem')
  await expect(legend).toHaveCount(3)
  await expect(legend.filter({ hasText: 'sizes/k5' })).toContainText('reference, n 2')
  await loss.focus()
  await page.keyboard.press('+')
  const all = page.getByRole('button', { name: 'Show all' })
  await expect(all).toBeVisible()
  await page.keyboard.press('0')
  await expect(all).toHaveCount(0)
  expect(await seriousFindings(page)).toEqual([])

  await page.getByLabel('Average over').selectOption('runs')
  await expect(legend).toHaveCount(5)
  await page.getByLabel('Average over').selectOption('values')
  await page.getByLabel('Colour').selectOption('caimira.n_dim')
  await expect(legend).toHaveCount(3)
  await expect(legend.filter({ hasText: 'n_dim 2' })).toContainText('n 2')
  await page.getByLabel('A chart for').selectOption('model_name')
  await expect(page.getByRole('img', { name: /^val_acc, model_name bt by epoch/ })).toBeVisible()
  await page.getByLabel('Horizontal axis').selectOption('time')
  await page.getByLabel('Band').selectOption('ci95')
  await page.getByLabel('Log y').check()
  await expect(page.getByRole('img', { name: /^val_loss, model_name caimira by time/ })).toBeVisible()
  await expect(page).toHaveURL(/x=time.*band=ci95.*logy=1/)

  // The nearest curve to the pointer is brought out in the legend and at the runs above.
  await page.getByLabel('A chart for').selectOption({ label: 'each figure' })
  const box = await page.getByRole('img', { name: /^val_loss by time/ }).boundingBox()
  const pointed = page.getByRole('complementary', { name: 'Curves' }).locator('li.pointed')
  await expect(async () => {
    for (const share of [0.15, 0.3, 0.45, 0.6, 0.75, 0.9]) {
      await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) * 0.6, (box?.y ?? 0) + (box?.height ?? 0) * share)
      if ((await pointed.count()) === 1) break
    }
    await expect(pointed).toHaveCount(1, { timeout: 500 })
  }).toPass()
  await expect(page.getByRole('list', { name: 'Compared runs' }).locator('li.pointed')).toHaveCount(1)
  await legend.filter({ hasText: 'n_dim 5' }).getByRole('button').dblclick()
  await expect(page.getByRole('img', { name: /^val_loss by time, last values: n_dim 5 0\.\d{4};/ })).toBeVisible()
})

test('a cell of the agreement of two runs opens its pairs with their texts, and a user those of theirs', async ({
  open,
  logDir,
}) => {
  await trainRuns(logDir)
  const { page } = await open()
  await compareAll(page, /bt/)
  await page.getByRole('tab', { name: 'Examples' }).click()
  await page.getByLabel('B, the other run').selectOption({ label: 'sizes/k5-s1' })
  const won = page.getByRole('button', { name: /^only B right: \d/ })
  await expect(won).toHaveAttribute('aria-pressed', 'true')
  expect(await seriousFindings(page)).toEqual([])
  const pairs = page.getByRole('list', { name: 'Pairs of the selection' })
  const first = pairs.getByRole('listitem').first()
  await expect(first).toContainText('only B right')
  await expect(first).toContainText(/Prompt .*Chosen .*Rejected ./s)
  const count = (await won.locator('.number').textContent()) ?? ''
  await expect(page.getByRole('status').filter({ hasText: 'pairs: only B right' })).toHaveText(
    new RegExp(`^${count} pairs`),
  )
  await pairs.getByRole('button', { name: /Show more/ }).click()
  await expect(pairs.getByRole('button', { expanded: false })).toHaveCount(100)

  await page.getByRole('button', { name: /^only A right/ }).click()
  await expect(first).toContainText('only A right')
  const user = page.getByRole('list', { name: 'Users' }).getByRole('listitem').first().getByRole('button')
  const name = await user.locator('span').first().innerText()
  await user.click()
  await expect(page.getByRole('status').filter({ hasText: `only A right, of ${name}` })).toBeVisible()
  await page.getByRole('button', { name: 'All cells' }).click()
  await expect(first).toContainText(name)
  await first.getByRole('button').click()
  await expect(first.getByRole('button')).toHaveAttribute('aria-expanded', 'true')

  // Five runs: a line for each pattern of who is right.
  await page.getByRole('button', { name: 'All 5 runs' }).click()
  await page.getByLabel('Patterns that are shown').selectOption('one run alone is right')
  const alone = page.getByRole('table', { name: 'Patterns of agreement' }).getByRole('button')
  await expect(alone).toHaveCount(5)
  await alone.first().click()
  await expect(page.getByRole('status').filter({ hasText: /^\d+ pairs?: only A right$/ })).toBeVisible()
  await expect(first).toContainText(/A 0\.\d{3} ?B 0\.\d{3} ?C 0\.\d{3} ?D 0\.\d{3} ?E 0\.\d{3}/)
  expect(await seriousFindings(page)).toEqual([])
})

test('runs are laid out by their parameters: what is brushed on an axis is kept in every chart', async ({
  open,
  folder,
  logDir,
}) => {
  await trainRuns(logDir, true)
  const { app, page } = await open()
  await compareAll(page, /k5-s1/, 11)
  await page.getByRole('tab', { name: 'Parameters' }).click()
  const lines = page.getByRole('img', { name: /^Parallel coordinates of 11 runs over .*, test_acc$/ })
  await expect(lines).toBeVisible()
  const map = page.getByRole('table', { name: 'Heat map' })
  await page.getByLabel('Rows').selectOption('model_name')
  await page.getByLabel('Columns').selectOption('trainer.seed')
  await expect(map.getByRole('row', { name: /^caimira No run 0\.\d{4} ?n 3 0\.\d{4} ?n 3/ })).toBeVisible()
  await page.getByLabel('Horizontal').selectOption('caimira.n_dim')
  await expect(page.getByRole('img', { name: 'test_acc by caimira.n_dim, 10 runs' })).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])
  await expect(page).toHaveURL(/p_x=caimira\.n_dim/)

  const weights = page.getByRole('table', { name: 'Importance' })
  await expect(weights.getByRole('row', { name: /^caimira\.n_dim \d\.\d{3} ± \d\.\d{3} \+0\.\d\d$/ })).toBeVisible()

  // The upper half of the last axis is that of the best runs; bt stands at its lower end.
  const box = await lines.boundingBox()
  const axis = (box?.x ?? 0) + (box?.width ?? 0) - 70
  const [top, bottom] = [(box?.y ?? 0) + 36, (box?.y ?? 0) + (box?.height ?? 0) - 18]
  await page.mouse.move(axis, top)
  await page.mouse.down()
  await page.mouse.move(axis, (top + bottom) / 2, { steps: 5 })
  await page.mouse.up()
  await expect(page.getByRole('status').filter({ hasText: 'of 11 runs kept' })).toHaveText(
    /^(10|[4-9]) of 11 runs kept$/,
  )
  await expect(map.getByRole('row', { name: /^bt / })).toHaveCount(0)
  // Drawn anew in the colours of another theme, it is still brushed: back again, it looks as before.
  const theme = (name: string): Promise<void> => page.getByRole('radio', { name }).check({ force: true })
  await theme('Light')
  await page.mouse.move(0, 0)
  const before = await lines.screenshot()
  await theme('Dark')
  await expect.poll(async () => before.equals(await lines.screenshot())).toBe(false)
  await theme('Light')
  await expect.poll(async () => before.equals(await lines.screenshot())).toBe(true)

  // Every line is in the picture that is saved, and the pointer brings one out on its way along an axis.
  const file = join(folder, 'lines.svg')
  await app.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath })
  }, file)
  await page.getByRole('button', { name: 'Save the chart parallel coordinates' }).click()
  await page.getByText('SVG', { exact: true }).click()
  await expect.poll(() => existsSync(file)).toBe(true)
  expect(readFileSync(file, 'utf8').match(/<polyline /g)).toHaveLength(11)
  const told = page.getByText(/ · test_acc 0\.\d+$/)
  for (let y = top; y < bottom && (await told.count()) === 0; y += 2) await page.mouse.move(axis - 1, y)
  await expect(told).toBeVisible()

  await page.getByRole('button', { name: /^Axes/ }).click()
  await page.getByRole('button', { name: 'Move test_acc to the left' }).click()
  await page.getByRole('button', { name: 'test_acc turned over' }).click()
  await expect(page).toHaveURL(/p_flip=test_acc/)
  await expect(page.getByRole('img', { name: /over .*test_acc, [\w.]+$/ })).toBeVisible()
})
