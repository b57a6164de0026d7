import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { npyHeader } from '../../src/shared/npyHeader'
import { RandomStream } from '../../src/shared/random'
import { figure, type Figure } from './figures'
import { open, ROOT } from './launch'
import type { Workspace } from './workspaces'

const TRAIN_PAIRS = 5_000
const USERS = 500
const TEXTS = 2_000
const WIDTH = 32
/** Pairs that are written at once. */
const AT_ONCE = 50_000

interface Predicted extends Workspace {
  run: string
}

/** The predictions of a run on a large split: from the wish to see them until they are painted. */
export async function predictions(folder: string, repeats: number, quick: boolean): Promise<Figure[]> {
  const pairs = quick ? 10_000 : 100_000
  const name = `${pairs.toLocaleString('en')} predictions`
  const workspace = workspaceOf(folder, pairs)
  const { app, page } = await open(workspace)
  try {
    await page.waitForSelector('nav')
    // An engine starts, reads the data and predicts every pair: paid once for five minutes.
    const cold = await painted(page, `#/users?run=${workspace.run}&split=test&tab=pairs`, 60_000)
    const [first, others, users]: [number[], number[], number[]] = [[], [], []]
    for (let n = 0; n < repeats; n++) {
      users.push(await painted(page, `#/users?run=${workspace.run}&split=test`))
      await page.evaluate(() => void (location.hash = '#/runs'))
      await page.waitForFunction(() => !document.querySelector('[aria-label=Pairs][role=grid]'))
      first.push(await painted(page, `#/users?run=${workspace.run}&split=test&tab=pairs`))
      others.push(
        await painted(page, `#/users?run=${workspace.run}&split=test&tab=pairs&order=${n % 2 ? 'data' : 'unsure'}`),
      )
    }
    return [
      figure(`${name}: first time, with an engine's start and every prediction`, 's', [cold / 1000]),
      figure(`${name}: first paint`, 'ms', first, { atMost: 300 }),
      figure(`${name}: in another order`, 'ms', others, { atMost: 300 }),
      figure(`${name}: their ${USERS} users, charts and table`, 'ms', users, { atMost: 300 }),
    ]
  } finally {
    await app.close()
  }
}

/** From going to an address until its table has rows, and they are painted. */
async function painted(page: Page, address: string, most = 10_000): Promise<number> {
  return page.evaluate(
    async ([hash, limit]) => {
      const pairs = hash.includes('tab=pairs')
      const table = (): Element | null => document.querySelector(`[role=grid][aria-label=${pairs ? 'Pairs' : 'Users'}]`)
      const before = table()
      const started = performance.now()
      location.hash = hash
      for (;;) {
        const now = table()
        const cells = now?.querySelectorAll('[role=gridcell]').length ?? 0
        if (now !== null && now !== before && cells > 20) break
        if (performance.now() - started > limit) throw new Error('nothing was painted')
        await new Promise(requestAnimationFrame)
      }
      await new Promise(requestAnimationFrame)
      return performance.now() - started
    },
    [address, most] as const,
  )
}

/** Made once: a data set with a large test split, and a run that was trained on it for two epochs. */
function workspaceOf(folder: string, pairs: number): Predicted {
  const base = join(folder, `predictions-${pairs}`)
  const userData = join(base, 'user-data')
  const logDir = join(base, 'logs')
  const data = join(userData, 'history', 'datasets', 'many')
  const complete = join(base, 'complete')
  if (existsSync(complete)) return { logDir, userData, run: readFileSync(complete, 'utf8') }
  rmSync(base, { recursive: true, force: true })
  for (const dir of [logDir, data]) mkdirSync(dir, { recursive: true })
  const random = new RandomStream(7, 'bench/predictions')
  const vectors = Float32Array.from({ length: TEXTS * WIDTH }, () => random.uniform() - 0.5)
  writeFileSync(join(data, 'emb.npy'), Buffer.concat([npyHeader('<f4', [TEXTS, WIDTH]), Buffer.from(vectors.buffer)]))
  const texts = Array.from(
    { length: TEXTS },
    (_, n) => `Text ${n}: ${'words that stand for an answer '.repeat(1 + (n % 8))}`,
  )
  writeFileSync(join(data, 'texts.json'), JSON.stringify(texts))
  for (const [split, count] of [
    ['train', TRAIN_PAIRS],
    ['test', pairs],
  ] as const) {
    const lineOf = (id: number): string => {
      const [prompt, chosen, rejected] = [random.below(100), 100 + random.below(900), 1_000 + random.below(1_000)]
      return `${JSON.stringify({
        ...{ u_id: random.below(USERS), id, topic: `t${prompt % 7}` },
        ...{ prompt: texts[prompt], chosen: texts[chosen], rejected: texts[rejected] },
        ...{ prompt_emb_idx: prompt, chosen_emb_idx: chosen, rejected_emb_idx: rejected },
      })}\n`
    }
    // A million of them would be longer than a string may be.
    for (let from = 0; from < count; from += AT_ONCE)
      appendFileSync(
        join(data, `${split}.jsonl`),
        Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, at) => lineOf(from + at)).join(''),
      )
  }
  const files = (split: string): string => `{ df_file: ${split}.jsonl, text_file: texts.json, emb_file: emb.npy }`
  const config = join(data, 'data_configs.yaml')
  writeFileSync(config, `many:\n  dts_path: .\n  train: ${files('train')}\n  test: ${files('test')}\n`)
  const args = ['train', '--dts_name', 'many', '--dts_config_file', config, '--max_epochs', '2', '--log_dir', logDir]
  const trained = spawnSync(process.execPath, [join(ROOT, 'out', 'main', 'cli.js'), ...args, '--json'], {
    encoding: 'utf8',
  })
  if (trained.status !== 0) throw new Error(`training failed: ${trained.stderr.slice(-400)}`)
  const { runId: run } = JSON.parse(trained.stdout.trim().split('\n').at(-1) ?? '')
  writeFileSync(complete, String(run))
  return { logDir, userData, run }
}
