import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { adaptationResultSchema } from '../src/shared/domain/adaptation'
import { seriousFindings } from './support/axe'
import { expect, ROOT, test } from './support/electron'
import { train as trainOnce } from './support/trainedRuns'

const train = (logDir: string, ...more: string[]): Promise<void> =>
  trainOnce(logDir, '--max_epochs', '6', '--n_dim', '3', ...more)

test('the users of a run are shown, selected by charts, figures and search, and found again', async ({
  open,
  logDir,
}) => {
  await train(logDir)
  const { page } = await open()
  await page.getByRole('row', { name: /default_exp\/v0/ }).click()
  await page.getByRole('link', { name: 'Users', exact: true }).first().click({ trial: true })
  await page.getByRole('region', { name: 'Selected run' }).getByRole('link', { name: 'Users' }).click()
  await expect(page).toHaveURL(/#\/users\?run=/)
  const tally = page.getByRole('status').filter({ hasText: 'right' })
  await expect(tally).toContainText(/^\d+ users, [\d,]+ pairs, \d+\.\d % right$/)
  const grid = page.getByRole('grid', { name: 'Users' })
  const all = Number(await grid.getAttribute('aria-rowcount')) - 1
  expect(all).toBeGreaterThan(5)
  await expect(page.getByRole('img', { name: new RegExp(`^Accuracy against pairs of ${all} users`) })).toBeVisible()
  await expect(page.getByRole('img', { name: /^Map of \d+ users .* of 3 numbers/ })).toBeVisible()

  expect(await seriousFindings(page)).toEqual([])

  // A bar of the histogram, by its table.
  await page.getByRole('button', { name: 'Users by as a table' }).click()
  const bars = page.getByRole('figure').first().getByRole('row')
  const filled = bars.filter({ hasNotText: /\b0 users/ }).first()
  const inBar = Number(/(\d+) users/.exec(await filled.innerText())?.[1])
  await filled.getByRole('button').click()
  await expect(grid).toHaveAttribute('aria-rowcount', String(inBar + 1))
  await page.getByRole('button', { name: /^Remove the restriction Accuracy/ }).click()
  await expect(grid).toHaveAttribute('aria-rowcount', String(all + 1))

  // A lasso around the whole map takes everybody on it, and a chip says so.
  const map = page.getByRole('img', { name: /^Map of/ })
  const box = await map.boundingBox()
  if (!box) throw new Error('the map has no place')
  const [left, top, right, bottom] = [70, 24, box.width - 24, box.height - 52]
  await page.mouse.move(box.x + left, box.y + top)
  await page.mouse.down()
  for (const [x, y] of [
    [right, top],
    [right, bottom],
    [left, bottom],
    [left, top + 8],
  ] as const)
    await page.mouse.move(box.x + x, box.y + y, { steps: 8 })
  await page.mouse.up()
  const lassoed = page.getByRole('button', { name: /^Remove the restriction \d+ users? on the map/ })
  await expect(lassoed).toBeVisible()
  const said = await lassoed.getAttribute('aria-label')
  // The address holds it: whoever opens it sees the same.
  expect(page.url()).toContain('only=map~pca~')
  await page.reload()
  await expect(page.getByRole('button', { name: said ?? '' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(grid).toHaveAttribute('aria-rowcount', String(all + 1))

  // Another method draws the same users; so few that it has to say if it cannot.
  await page.getByRole('combobox', { name: 'Method of the map' }).selectOption('umap')
  await expect(page.getByRole('img', { name: /^Map of \d+ users by UMAP of their vectors of 3 numbers/ })).toBeVisible()
  await expect(page.getByText('Drawing the map…')).toBeHidden()
  await page.getByRole('combobox', { name: 'Method of the map' }).selectOption('pca')

  // By the keyboard alone: a range, a search, the table.
  await page.keyboard.press('f')
  await page.getByRole('combobox', { name: 'Figure', exact: true }).selectOption('Pairs')
  await page.getByRole('textbox', { name: 'From' }).fill('1000000')
  await page.keyboard.press('Enter')
  await expect(page.getByText('No user is left.')).toBeVisible()
  await page.getByRole('button', { name: 'Clear all restrictions' }).click()
  await grid.getByRole('columnheader', { name: 'Accuracy' }).getByRole('button').click()
  await grid.focus()
  await page.keyboard.press('Home')
  await expect(grid.getByRole('row').nth(1)).toHaveAttribute('aria-selected', 'true')
  const best = await grid.getByRole('row').nth(1).getByRole('gridcell').first().innerText()
  await page.keyboard.press('/')
  await page.keyboard.type(best)
  await expect(grid.getByRole('row').filter({ hasText: best }).first()).toBeVisible()

  // Unseen users have no vectors of their own.
  await page.getByRole('button', { name: 'Clear all' }).isVisible()
  await page.getByRole('searchbox', { name: 'Search the users' }).fill('')
  await page.getByRole('button', { name: 'test_unseen' }).click()
  await expect(page.getByText('none has a vector of their own')).toBeVisible()
  await expect(grid.getByRole('gridcell', { name: 'new', exact: true }).first()).toBeVisible()

  // They are fitted on few of their pairs, by the window and by the command that it shows alike.
  await page.getByRole('tab', { name: 'Newcomers' }).click()
  await page.getByRole('combobox', { name: 'Pairs' }).selectOption('informative')
  const [fit, repetitions] = [page.getByRole('button', { name: 'Fit', exact: true }), page.getByLabel('Repetitions')]
  // Whoever does not want to wait for as many repetitions says so.
  await repetitions.fill('50')
  await fit.click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await expect(page.getByText('Cancelled.')).toBeVisible()
  await repetitions.fill('5')
  await page.getByRole('textbox', { name: 'k' }).fill('2, 8')
  await fit.click()
  const curve = page.getByRole('table', { name: 'Accuracy against k' })
  await expect(curve.getByRole('row')).toHaveCount(5)
  expect(await seriousFindings(page)).toEqual([])
  const command = await page.getByLabel('Commands', { exact: true }).innerText()
  const printed = await promisify(execFile)('sh', ['-c', `${command} --json`], { cwd: ROOT })
  const { curve: same, bt } = adaptationResultSchema.parse(JSON.parse(printed.stdout.trimEnd().split('\n').at(-1)!))
  const accuracies = [...same, bt].map((one) => `${(100 * (one?.acc ?? NaN)).toFixed(1)} %`)
  expect(await curve.locator('tbody tr td:nth-child(2)').allInnerTexts()).toEqual(accuracies)
})

test('one user: mistakes first, stepping by the keyboard, reasons that add up, and pasted answers predicted alike', async ({
  open,
  logDir,
}) => {
  await train(logDir)
  const { page } = await open()
  await expect(page.getByRole('row', { name: /default_exp\/v0/ })).toBeVisible()
  await page.keyboard.press('g')
  await page.keyboard.press('u')
  const grid = page.getByRole('grid', { name: 'Users' })
  await expect(grid.getByRole('row').nth(1)).toBeVisible()
  await grid.focus()
  await page.keyboard.press('Home')
  const name = await grid.getByRole('row').nth(1).getByRole('gridcell').first().innerText()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: `User ${name}` })).toBeVisible()
  const pairs = page.getByRole('listbox', { name: 'Pairs' })
  await expect(pairs.getByRole('option').first()).toHaveAttribute('aria-selected', 'true')
  await expect(pairs.getByRole('option').first()).toContainText('✗')
  await page.keyboard.press('ArrowDown')
  await expect(pairs.getByRole('option').nth(1)).toHaveAttribute('aria-selected', 'true')
  const why = page.getByRole('table', { name: 'Why' })
  await expect(why.getByRole('row', { name: /^δ of chosen/ })).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])
  const number = (text: string): number => Number(text.replace('−', '-').replace('+', ''))
  const parts = await why.locator('tbody tr td:last-child').allInnerTexts()
  expect(parts).toHaveLength(3)
  const total = await why
    .getByRole('row', { name: /^δ of chosen/ })
    .getByRole('cell')
    .innerText()
  // Each is rounded to three decimals.
  expect(Math.abs(parts.reduce((sum, part) => sum + number(part), 0) - number(total))).toBeLessThan(0.0025)

  // A name of a dimension is kept, and stands where the dimension is shown.
  await page.getByRole('button', { name: 'Back to the users' }).click()
  await page.getByRole('tab', { name: 'Dimensions' }).click()
  const name1 = page.getByRole('textbox', { name: 'Name of dimension 1' })
  await expect(name1).toBeVisible()
  await expect(page.getByRole('region', { name: 'Dimension 1' }).getByRole('listitem').first()).toContainText(
    /\d\.\d{3}/,
  )
  expect(await seriousFindings(page)).toEqual([])
  await name1.fill('warmth')
  await name1.press('Tab')
  await page.getByRole('tab', { name: 'Users' }).click()
  await grid.focus()
  await page.keyboard.press('Enter')
  await expect(why.getByRole('rowheader', { name: 'warmth' })).toBeVisible()
  await expect(pairs.getByRole('option').first()).toHaveAttribute('aria-selected', 'true')
  await page.getByRole('tab', { name: 'Vector' }).click()
  await expect(page.getByRole('table', { name: 'Vector' }).getByRole('row')).toHaveCount(4)
  await expect(page.getByRole('table', { name: 'Most alike' }).getByRole('row')).not.toHaveCount(1)
  await page.getByRole('tab', { name: 'Pair' }).click()
  const verdict = await page.getByRole('status').filter({ hasText: 'for the chosen answer' }).innerText()
  const texts = await page.locator('#user-panel .text').allInnerTexts()
  await page.getByRole('tab', { name: 'Ask' }).click()
  await page.getByLabel('Prompt').fill(texts[0] ?? '')
  await page.getByLabel('First answer').fill(texts[1] ?? '')
  await page.getByLabel('Second answer').fill(texts[2] ?? '')
  await page.getByRole('button', { name: 'Predict' }).click()
  const answer = page.getByRole('status').filter({ hasText: 'is preferred with' })
  await expect(answer).toBeVisible()
  const percentIn = (text: string): number => Number(/([\d.]+) %/.exec(text)?.[1])
  // The vectors of the data are stored in half precision.
  expect(Math.abs(percentIn(await answer.innerText()) - percentIn(verdict))).toBeLessThan(1)
  await page.getByRole('button', { name: 'Back to the users' }).click()
  await expect(grid.getByRole('row', { selected: true }).first()).toContainText(name)
})

test('a run from before there were evaluations is evaluated by one button, on splits that its data has', async ({
  open,
  logDir,
}) => {
  await train(logDir)
  rmSync(join(logDir, 'default_exp', 'v0', 'evaluation'), { recursive: true })
  const { page } = await open()
  await page.getByRole('row', { name: /default_exp\/v0/ }).dblclick()
  await expect(page.getByRole('button', { name: 'Back to the runs' })).toBeVisible()
  await page.getByRole('tab', { name: 'Evaluation' }).click()
  const shown = page.getByRole('region', { name: 'Evaluation' })
  await shown.getByRole('button', { name: 'Evaluate on test', exact: true }).click()
  await expect(shown.getByRole('row', { name: /Users shuffled/ })).toBeVisible()
  await shown.getByRole('radio', { name: 'dev' }).check()
  await expect(shown.getByRole('button', { name: 'Evaluate on dev' })).toBeVisible()
  await shown.getByRole('radio', { name: 'test', exact: true }).check()
  await expect(shown.getByRole('row', { name: /Users shuffled/ })).toBeVisible()

  // A bin and a slice open their pairs, as many as they count; a pair opens its user at that pair.
  await shown.getByRole('button', { name: 'Pairs of bin 15' }).click()
  const pairs = page.getByRole('grid', { name: 'Pairs' })
  await expect(pairs).toHaveAttribute('aria-rowcount', /^(95|96)$/)
  await expect(page.getByText(/bin 15 of the reliability curve, confidence [\d.]+ % to [\d.]+ %/)).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])
  await page.getByRole('combobox', { name: 'Order of the pairs' }).selectOption('data')
  await expect(page).toHaveURL(/order=data/)
  await page.goBack()
  await page.getByRole('tab', { name: 'Evaluation' }).click()
  const slice = shown.getByRole('table', { name: 'By topic' }).getByRole('row').nth(1)
  const counted = Number((await slice.getByRole('cell').first().innerText()).replace(',', ''))
  await slice.getByRole('link').click()
  await expect(pairs).toHaveAttribute('aria-rowcount', String(counted + 1))
  await pairs.focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: /^User / })).toBeVisible()
  const row = new URL(page.url().replace('#/', '')).searchParams.get('row')
  expect(row).toMatch(/^\d+$/)
  await expect(page.getByRole('table', { name: 'Why' })).toBeVisible()
  await page.getByRole('button', { name: 'Back to the users' }).click()
  await expect(pairs).toHaveAttribute('aria-rowcount', String(counted + 1))
})

test('two runs user by user: evaluations side by side, who gains, and the way to a user of either', async ({
  open,
  logDir,
}) => {
  await train(logDir)
  await train(logDir, '--model_name', 'lore', '--exp_version', 'lore')
  const { page } = await open()
  await expect(page.getByRole('row', { name: /default_exp\// })).toHaveCount(2)
  await page.getByRole('checkbox', { name: 'Tick all runs that are shown' }).check()
  await page.getByRole('button', { name: 'Compare', exact: true }).click()
  await page.getByRole('tab', { name: 'Users' }).click()
  const evaluations = page.getByRole('table', { name: 'Evaluations side by side' })
  await expect(evaluations.getByRole('row', { name: /Over bt/ }).getByRole('cell')).toHaveCount(2)
  const grid = page.getByRole('grid', { name: 'Users of the runs, one by one' })
  await expect(page.getByRole('img', { name: /^Accuracy of \d+ users in two runs/ })).toBeVisible()
  const first = grid.getByRole('row').nth(1)
  const [a, b, difference] = await Promise.all([
    first.getByRole('link').nth(0).innerText(),
    first.getByRole('link').nth(1).innerText(),
    first.locator('.lead').innerText(),
  ])
  const points = Number.parseFloat(b) - Number.parseFloat(a)
  // Each is rounded to a tenth.
  expect(Math.abs(Number(difference.replace('−', '-')) - points)).toBeLessThan(0.16)
  await grid.focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  await expect(grid.getByRole('row').nth(2)).toHaveAttribute('aria-selected', 'true')
  expect(await seriousFindings(page)).toEqual([])

  // Dimensions of two kinds of models stand for different things; maps of any lie beside each other.
  await page.getByRole('button', { name: 'Dimensions', exact: true }).click()
  await expect(page.getByText(/Dimensions of \w+ and of \w+ stand for different things/)).toBeVisible()
  await page.getByRole('button', { name: 'Maps' }).click()
  await expect(page.getByRole('img', { name: /^Map of \d+ users of B by PCA/ })).toBeVisible()
  await expect(page.getByText(/disparity of 0\.\d{3}/)).toBeVisible()
  const user = await page.locator('#compared-map-users option').first().getAttribute('value')
  await page.getByRole('combobox', { name: 'User' }).fill(user ?? '')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('link', { name: /in B$/ })).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])
  await page.getByRole('button', { name: 'Newcomers' }).click()
  await page.getByRole('textbox', { name: 'k' }).fill('2')
  await page.getByLabel('Repetitions').fill('2')
  await page.getByRole('button', { name: 'Fit', exact: true }).click()
  const curves = page.getByRole('table', { name: 'Accuracy against k' })
  await expect(curves.getByRole('row')).toHaveCount(4)
  await expect(curves.getByRole('row').last().getByRole('cell')).toHaveCount(2)
  expect(await seriousFindings(page)).toEqual([])
  // The address holds what is looked at.
  expect(page.url()).toContain('users=newcomers')
  await page.getByRole('button', { name: 'Accuracy', exact: true }).click()
  await first.getByRole('link').nth(1).click()
  await expect(page.getByRole('heading', { name: /^User / })).toBeVisible()
  await expect(page.getByText(`Accuracy`).first()).toBeVisible()
})
