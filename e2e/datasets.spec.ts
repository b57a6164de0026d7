import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ElectronApplication, Page } from '@playwright/test'
import { seriousFindings } from './support/axe'
import { expect, ROOT, test } from './support/electron'
import { inEveryLook } from './support/pictures'

const SHARED = join(ROOT, '..', 'shared', 'data')

/** The dialogs of Electron answer with these paths, as a person's choice would. */
async function choose(app: ElectronApplication, paths: readonly string[]): Promise<void> {
  await app.evaluate(({ dialog }, filePaths) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [...filePaths] })
  }, paths)
}

async function openPage(page: Page): Promise<void> {
  await page.evaluate(() => (window.location.hash = '#/datasets'))
  await expect(page.getByRole('heading', { name: 'Data sets' })).toBeVisible()
}

const item = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Data sets' }).getByRole('link', { name })
const tab = (page: Page, name: string) => page.getByRole('tab', { name })

test('the sample is described, its leaks and ceiling told, and a bar leads to its rows', async ({ open }) => {
  const { page } = await open()
  await openPage(page)
  await item(page, 'simpler').click()
  await expect(page.getByRole('rowheader', { name: 'Ceiling without the user' })).toBeVisible()
  await expect(page.getByRole('row', { name: /^Pairs 7,836/ })).toBeVisible()
  expect(await seriousFindings(page)).toEqual([])

  await page.getByRole('button', { name: 'Topics as a table' }).click()
  await page.getByRole('button', { name: 'music', exact: true }).click()
  await expect(page.getByText('topic = music')).toBeVisible()
  await expect(page.getByText(/of 7,836 rows/)).toBeVisible()
  await page.getByRole('searchbox', { name: 'Search all texts' }).fill('CONCERT')
  await expect(page.getByRole('grid', { name: 'Rows' })).toHaveAttribute('aria-rowcount', /^(?!1$)\d{1,3}$/)
  await page.getByRole('grid', { name: 'Rows' }).focus()
  await page.keyboard.press('ArrowDown')
  await expect(page.getByRole('complementary', { name: 'Row' })).toContainText('chosen')
  expect(await seriousFindings(page)).toEqual([])
})

test('a chart is drawn twice as its page opens', async ({ open }) => {
  const { page } = await open()
  await page.evaluate(() => {
    const drawn = new Map<HTMLCanvasElement, number>()
    Reflect.set(window, 'drawn', drawn)
    const context = CanvasRenderingContext2D.prototype
    // Whatever a chart draws, it first clears its canvas.
    context.clearRect = new Proxy(context.clearRect, {
      apply(clear, own: CanvasRenderingContext2D, place: Parameters<typeof context.clearRect>) {
        drawn.set(own.canvas, (drawn.get(own.canvas) ?? 0) + 1)
        clear.apply(own, place)
      },
    })
  })
  await openPage(page)
  await item(page, 'simpler').click()
  await expect(page.getByRole('row', { name: /^Pairs 7,836/ })).toBeVisible()
  const times = (): Promise<number[]> =>
    page.evaluate(async () => {
      // An observer tells of a size within a frame.
      for (let frame = 0; frame < 3; frame++) await new Promise((resolve) => requestAnimationFrame(resolve))
      const drawn: Map<HTMLCanvasElement, number> = Reflect.get(window, 'drawn')
      return [...document.querySelectorAll('figure canvas')].map(
        (canvas) => drawn.get(canvas as HTMLCanvasElement) ?? 0,
      )
    })
  await expect.poll(async () => (await times()).length).toBeGreaterThan(2)
  expect(new Set(await times())).toEqual(new Set([1]))
})

test('a configuration with faults lists every row, and jumps to it', async ({ open, folder }) => {
  const rows = Array.from({ length: 400 }, (_, n) => ({
    u_id: n % 7 === 3 ? null : n % 5,
    prompt: `question ${n % 9} <b onclick="alert(1)">`,
    chosen: `answer ${n % 11}`,
    rejected: n === 250 ? 'nowhere to be found' : `answer ${(n + 3) % 11}`,
  }))
  const data = join(folder, 'faulty')
  mkdirSync(data)
  const lines = rows.map((row) => JSON.stringify(row))
  lines[120] = '{"u_id": 1, "prompt": '
  writeFileSync(join(data, 'train.jsonl'), `${lines.join('\n')}\n`)
  const texts = [...new Set(rows.flatMap(({ prompt, chosen }) => [prompt, chosen]))]
  writeFileSync(join(data, 'texts.json'), JSON.stringify(texts))
  writeFileSync(
    join(data, 'data.yaml'),
    'faulty:\n  dts_path: .\n  train: { df_file: train.jsonl, text_file: texts.json, emb_file: emb.npy }\n',
  )
  const { app, page } = await open()
  await openPage(page)
  await choose(app, [join(data, 'data.yaml')])
  await page.getByRole('button', { name: 'Add…' }).click()
  await page.getByRole('button', { name: /A configuration/ }).click()
  await expect(page.getByRole('heading', { name: 'faulty' })).toBeVisible()
  await tab(page, 'Problems').click()
  const problems = page.getByRole('table', { name: 'Problems' })
  await expect(problems).toContainText('Value is missing')
  await expect(problems).toContainText('File is missing')
  await problems.getByRole('button', { name: 'Value is missing' }).click()
  await expect(problems.getByText('Rows 1–57 of 57')).toBeVisible()
  await inEveryLook(app, page, 'datasets-problems')
  await problems.getByRole('button', { name: 'row 395', exact: true }).click()
  await expect(page.getByRole('complementary', { name: 'Row' })).toContainText('Row 395 of train')
  await expect(page.getByRole('row', { name: /^395/ })).toHaveAttribute('aria-selected', 'true')
  // HTML in a text is text.
  await expect(page.getByRole('complementary', { name: 'Row' })).toContainText('<b onclick="alert(1)">')

  await tab(page, 'Problems').click()
  expect(await seriousFindings(page)).toEqual([])
  await problems.getByRole('button', { name: 'Row cannot be read' }).click()
  await problems.getByRole('button', { name: 'row 120', exact: true }).click()
  await expect(page.getByRole('row', { name: /^120/ })).toContainText('the line is not JSON')
})

test('a CSV becomes a data set: its columns are guessed, put right, and split', async ({ open, folder }) => {
  const file = join(folder, 'survey results.csv')
  const lines = Array.from(
    { length: 240 },
    (_, n) => `w${n % 6},"Where to, ${n % 12}?",go ${n % 3},stay ${n % 3},${20 + (n % 6)}`,
  )
  writeFileSync(file, `worker,question,preferred,other_answer,age\n${lines.join('\n')}\n`)
  const { app, page } = await open()
  await openPage(page)
  await choose(app, [file])
  await page.getByRole('button', { name: 'Add…' }).click()
  await page.getByRole('button', { name: /^Files/ }).click()
  const dialog = page.getByRole('dialog', { name: 'Add a data set' })
  await expect(dialog.getByRole('combobox', { name: 'What worker is' })).toHaveValue('user')
  await expect(dialog.getByRole('combobox', { name: 'What preferred is' })).toHaveValue('chosen')
  await expect(dialog.getByText('Say which column is the rejected answer.')).toBeVisible()
  await dialog.getByRole('combobox', { name: 'What other_answer is' }).selectOption('rejected')
  await dialog.getByRole('checkbox', { name: /MiniLM/ }).uncheck()
  await expect(dialog.getByLabel('Commands', { exact: true })).toContainText('data import')
  expect(await seriousFindings(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'survey-results' })).toBeVisible()
  await expect(page.getByText('The vectors are still to be made.')).toBeVisible()
  await expect(page.getByRole('row', { name: /^Users 6 / })).toBeVisible()

  // Made here, it is completed in its place: vectors by MiniLM in a process of its own.
  await expect(page.getByRole('button', { name: 'New experiment' })).toBeDisabled()
  await page.getByRole('button', { name: 'Make vectors…' }).click()
  const vectors = page.getByRole('dialog', { name: /Prepare/ })
  await expect(vectors.getByLabel('Commands', { exact: true })).toContainText('data embed')
  await vectors.getByRole('button', { name: 'Run' }).click()
  // Another run of this test may have left them in the cache.
  await expect(vectors.getByText(/\d+ texts embedded/)).toBeVisible()
  await vectors.getByRole('button', { name: /^Show/ }).click()
  await expect(page.getByText('The vectors are still to be made.')).toHaveCount(0)
  await expect(item(page, 'survey-results')).toContainText('240 pairs')

  // And out of it another one, by the window as by the command line.
  await page.getByRole('button', { name: 'Prepare…' }).click()
  const prepare = page.getByRole('dialog', { name: /Prepare/ })
  await prepare.getByText('Remove repetitions', { exact: true }).click()
  await expect(prepare.getByLabel('Commands', { exact: true })).toContainText('data dedupe')
  await prepare.getByRole('button', { name: 'Run' }).click()
  await expect(prepare.getByText(/of \d+ rows kept/).first()).toBeVisible()
  await prepare.getByRole('button', { name: /^Show/ }).click()
  await expect(page.getByRole('heading', { name: 'survey-results-unique', exact: true })).toBeVisible()
  await page.getByRole('button', { name: 'New experiment' }).click()
  // The page takes the name out of its address once it has it: what counts is the experiment.
  await expect(page.getByRole('textbox', { name: 'The experiment as YAML' })).toContainText(
    'dts_name: survey-results-unique',
  )
})

const PERSONAS = [
  ['vegan', 'lentil stew'],
  ['meat', 'roast beef'],
  ['fast', 'a burger'],
] as const

/** Raw judgements as a survey leaves them: each persona prefers its own food, whatever the day. */
function rawJudgements(days: number): Record<string, string>[] {
  return Array.from({ length: days }, (_, day) =>
    PERSONAS.flatMap(([persona, own]) =>
      PERSONAS.filter(([, food]) => food !== own).map(([, other]) => ({
        qid: `q${day}`,
        topic: day % 2 === 0 ? 'lunch' : 'dinner',
        prompt: `What shall I eat on day ${day}?`,
        chosen: `Have ${own}.`,
        rejected: `Have ${other}.`,
        persona_chosen: persona,
      })),
    ),
  ).flat()
}

const RAW = {
  csv: (rows: readonly Record<string, string>[]) =>
    [Object.keys(rows[0]!), ...rows.map((row) => Object.values(row))].map((cells) => `${cells.join(',')}\n`).join(''),
  jsonl: (rows: readonly Record<string, string>[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
}

for (const [format, write] of Object.entries(RAW))
  test(`raw judgements in ${format} become a trained run by the window alone`, async ({ open, folder, logDir }) => {
    const file = join(folder, `judgements.${format}`)
    writeFileSync(file, write(rawJudgements(12)))
    const { app, page } = await open()
    await openPage(page)
    await choose(app, [file])
    await page.getByRole('button', { name: 'Add…' }).click()
    await page.getByRole('button', { name: /^Files/ }).click()

    // The wizard: what is whose, the split by question, the vectors.
    const dialog = page.getByRole('dialog', { name: 'Add a data set' })
    await dialog.getByRole('combobox', { name: 'What persona_chosen is' }).selectOption('user')
    await dialog.getByRole('checkbox', { name: /^Split into/ }).check()
    await dialog.getByRole('checkbox', { name: 'qid', exact: true }).check()
    await dialog.getByRole('checkbox', { name: /MiniLM/ }).check()
    const commands = dialog.getByLabel('Commands', { exact: true })
    for (const verb of ['data import', 'data split', 'data embed']) await expect(commands).toContainText(verb)
    await expect(commands).toContainText('--by qid')
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    await expect(page.getByRole('heading', { name: 'judgements', exact: true })).toBeVisible()
    await expect(page.getByText('The vectors are still to be made.')).toHaveCount(0)
    await expect(page.getByRole('row', { name: /^Users 3 / })).toBeVisible()

    // And out of it a run.
    await page.getByRole('button', { name: 'New experiment' }).click()
    await expect(page.getByRole('textbox', { name: 'The experiment as YAML' })).toContainText('dts_name: judgements')
    await page.getByLabel('Epochs at most', { exact: true }).fill('3')
    await page.getByLabel('Experiment', { exact: true }).fill('by-window')
    await expect(page.getByTestId('estimate-time')).toHaveText(/≈ .* (ms|s)/)
    await page.keyboard.press('Control+Enter')
    await page.waitForURL(/#\/runs\//)
    const run = join(logDir, 'by-window', 'v0')
    const record = (): { status?: string; dts_name?: string } =>
      existsSync(join(run, 'run.json')) ? JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')) : {}
    await expect.poll(() => record().status).toBe('finished')
    expect(record().dts_name).toBe('judgements')
    expect(readFileSync(join(run, 'hparams.yaml'), 'utf8')).toContain('provider: minilm')
    await expect(page.getByText('finished').first()).toBeVisible()
  })

test('a folder that is in form is linked where it lies, and taken off the list again', async ({ open, folder }) => {
  const data = join(folder, 'copied')
  cpSync(join(ROOT, 'resources', 'data', 'simpler'), data, { recursive: true })
  const before = readFileSync(join(data, 'df_train.parquet'))
  const { app, page } = await open()
  await openPage(page)
  await choose(app, [data])
  await page.getByRole('button', { name: 'Add…' }).click()
  await page.getByRole('button', { name: /A folder/ }).click()
  const dialog = page.getByRole('dialog', { name: 'Add a data set' })
  await expect(dialog.getByRole('combobox', { name: 'Pairs of test_unseen' })).toHaveValue(/df_test_unseen/)
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'copied' })).toBeVisible()
  await expect(tab(page, 'Problems')).toHaveText('Problems')
  await expect(item(page, 'copied')).toContainText('pairs')
  await page.getByRole('button', { name: 'Take off the list' }).click()
  await expect(item(page, 'copied')).toHaveCount(0)
  expect(readFileSync(join(data, 'df_train.parquet')).equals(before)).toBe(true)
})

test('dropped files are added like chosen ones', async ({ open, folder }) => {
  const data = join(folder, 'dropped')
  mkdirSync(data)
  const file = join(data, 'ratings.jsonl')
  const rows = Array.from({ length: 40 }, (_, n) => ({
    user_id: n % 4,
    question: `q ${n % 10}`,
    response: `r ${n}`,
    score: n % 7,
  }))
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const { page } = await open()
  await openPage(page)
  // Only a file that a person has given has a path: an input stands in for the file manager.
  await page.evaluate(() => {
    const input = document.createElement('input')
    input.type = 'file'
    input.id = 'stand-in'
    document.body.append(input)
  })
  await page.locator('#stand-in').setInputFiles(file)
  await page.evaluate(() => {
    const input = document.querySelector<HTMLInputElement>('#stand-in')
    const target = document.querySelector('.file-drop')
    for (const type of ['dragenter', 'dragover', 'drop']) {
      const event = new DragEvent(type, { bubbles: true, cancelable: true })
      // A copy in a real DataTransfer would have lost its path.
      Object.defineProperty(event, 'dataTransfer', { value: { types: ['Files'], files: input?.files, dropEffect: '' } })
      target?.dispatchEvent(event)
    }
  })
  const dialog = page.getByRole('dialog', { name: 'Add a data set' })
  await expect(dialog.getByRole('combobox', { name: 'A row is' })).toHaveValue('ratings')
  await expect(dialog.getByRole('combobox', { name: 'What score is' })).toHaveValue('rating')
})

test('convarg is registered by its own configuration', async ({ open, folder }) => {
  test.skip(!existsSync(join(SHARED, 'convarg')), 'the data is not part of the repository')
  const file = join(folder, 'convarg.yaml')
  const part = (split: string): string =>
    `  ${split}: { df_file: df_${split}.parquet, text_file: texts.json, emb_file: emb.npy }`
  writeFileSync(
    file,
    [
      `convarg:`,
      `  dts_path: ${JSON.stringify(join(SHARED, 'convarg'))}`,
      ...['train', 'dev', 'test', 'test_unseen'].map(part),
      '',
    ].join('\n'),
  )
  const { app, page } = await open()
  await openPage(page)
  await choose(app, [file])
  await page.getByRole('button', { name: 'Add…' }).click()
  await page.getByRole('button', { name: /A configuration/ }).click()
  await expect(page.getByLabel('Data set convarg').getByRole('heading', { name: 'convarg' })).toBeVisible()
  await expect(page.getByRole('rowheader', { name: 'Judged both ways' })).toBeVisible()
  await expect(page.getByRole('row', { name: /^Pairs 3\d,\d{3}|^Pairs 2\d,\d{3}/ })).toBeVisible()
})

test('pictures of the page', async ({ open, folder }) => {
  const file = join(folder, 'survey.csv')
  const lines = Array.from(
    { length: 90 },
    (_, n) => `w${n % 6},"Where to, ${n % 24}?",Go to the lake ${n % 5},Stay ${n % 7},${20 + (n % 6)}`,
  )
  writeFileSync(file, `worker,question,preferred,other_answer,age\n${lines.join('\n')}\n`)
  const { app, page } = await open()
  await openPage(page)
  await item(page, 'simpler').click()
  await expect(page.getByRole('rowheader', { name: 'Ceiling without the user' })).toBeVisible()
  await expect(item(page, 'simpler')).toContainText('pairs')
  await inEveryLook(app, page, 'datasets-overview')
  await tab(page, 'Rows').click()
  await page.getByRole('searchbox', { name: 'Search all texts' }).fill('tea')
  await page.getByRole('grid', { name: 'Rows' }).focus()
  await expect(page.getByText(/of 7,836 rows/)).toBeVisible()
  await page.keyboard.press('ArrowDown')
  await expect(page.getByRole('complementary', { name: 'Row' })).toContainText('chosen')
  await inEveryLook(app, page, 'datasets-rows')
  await tab(page, 'Files').click()
  await inEveryLook(app, page, 'datasets-files')
  await page.getByRole('button', { name: 'Prepare…' }).click()
  await expect(page.getByLabel('Commands', { exact: true })).toContainText('data split')
  await inEveryLook(app, page, 'datasets-prepare')
  await page.keyboard.press('Escape')
  await item(page, 'prism').click()
  await inEveryLook(app, page, 'datasets-missing')
  await page.getByRole('button', { name: 'Add…' }).click()
  await inEveryLook(app, page, 'datasets-add')
  await choose(app, [file])
  await page.getByRole('button', { name: /^Files/ }).click()
  await expect(page.getByLabel('Commands', { exact: true })).toContainText('data import')
  await inEveryLook(app, page, 'datasets-wizard')
})
