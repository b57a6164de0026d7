/**
 * Writes docs/results.md: what each model reaches on each data set, over several seeds.
 * `npm run results [-- --seeds 5] [--models caimira,bt] [--data simpler,convarg]`. Runs are kept in `artifacts/results`, and one that
 * is there already is not trained again, so an interrupted table goes on where it was. SimplER and convarg are real data
 * beside the checkout (`../shared/data`); where they are absent their tables are left out, and said so.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { parquetReadObjects, asyncBufferFromFile } from 'hyparquet'
import { dump } from 'js-yaml'
import * as prettier from 'prettier'
import { ensureBuilt, NODE_SECTIONS } from '../build.mjs'
import { ROOT } from '../setup.mjs'

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    models: { type: 'string', default: 'caimira,model1,model2,ntm,lore,bt' },
    data: { type: 'string', default: 'simpler,SimplER,convarg' },
  },
})
/** Their matrix products are wide, and slow on WebAssembly: one seed. */
const FEWER_SEEDS = { model2: 1, ntm: 1 }
/** Most of a topic model's val_loss is how well it says the words, and moves with the annealing: it says little of the preferences. */
const OWN_SETTINGS = { ntm: ['--patience', '1e9', '--set', 'trainer.test_on=last'] }
const seedsOf = (model) => Math.min(Number(options.seeds), FEWER_SEEDS[model] ?? Infinity)
const WORK = path.join(ROOT, 'artifacts', 'results')
const SHARED = path.resolve(ROOT, '../shared/data')

const SPLIT_FILES = {
  SimplER: (split) => ({
    df_file: `dataset_pairwise_preferences_${split}_with_emb_and_ohe.parquet`,
    text_file: `texts_${split}.json`,
    emb_file: `emb_${split}.npy`,
    bow_file: `bow_${split}.npz`,
  }),
  convarg: (split) => ({ df_file: `df_${split}.parquet`, text_file: 'texts.json', emb_file: 'emb.npy' }),
}

/** `preset` is the configuration file, tuned on the dev split alone. */
const DATA = {
  simpler: { title: 'The bundled sample', preset: 'simpler.yaml', splits: ['test', 'test_unseen'] },
  SimplER: {
    title: 'SimplER',
    preset: 'simpler_personas.yaml',
    splits: ['test'],
    folder: 'simpler',
    section: { prefix_columns: ['user_'], vocab_file: 'vocab.txt', ...sections('SimplER', ['train', 'dev', 'test']) },
  },
  convarg: {
    title: 'UKPConvArg1',
    preset: 'convarg.yaml',
    splits: ['test', 'test_unseen'],
    folder: 'convarg',
    without: { ntm: 'no bags of words' },
    section: sections('convarg', ['train', 'dev', 'test', 'test_unseen']),
  },
}

function sections(name, splits) {
  return Object.fromEntries(splits.map((split) => [split, SPLIT_FILES[name](split)]))
}

function train(name, model, seed) {
  const { preset, folder, section } = DATA[name]
  const run = path.join(WORK, name, `${model}-${seed}`)
  const record = path.join(run, 'run.json')
  const known = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : undefined
  if (known?.status === 'finished') return { run, result: known.result }
  rmSync(run, { recursive: true, force: true })
  const args = ['--dts_name', name, '--model_name', model, '--seed', String(seed)]
  args.push(
    '--config_file',
    path.join(ROOT, 'configs', preset),
    '--exp_name',
    name,
    '--exp_version',
    `${model}-${seed}`,
  )
  args.push(...(OWN_SETTINGS[model] ?? []), '--log_dir', WORK, '--json')
  if (section) {
    const file = path.join(WORK, `${name}.yaml`)
    writeFileSync(file, dump({ [name]: { dts_path: path.join(SHARED, folder), ...section } }))
    args.push('--dts_config_file', file)
  }
  const done = spawnSync(process.execPath, [path.join(ROOT, 'out', 'main', 'cli.js'), 'train', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (done.status !== 0) throw new Error(`${name} ${model} ${seed}: ${done.stderr}`)
  const result = JSON.parse(done.stdout.trim().split('\n').at(-1))
  process.stderr.write(
    `${name} ${model} seed ${seed}: test ${result.test_acc.toFixed(4)} in ${result.seconds.toFixed(0)} s\n`,
  )
  return { run, result }
}

/** Accuracy of each user, averaged over users: a person with many pairs weighs no more than one with few. */
async function perUserMean(run, split) {
  const file = await asyncBufferFromFile(path.join(run, 'predictions', `${split}.parquet`))
  const users = new Map()
  for (const { u_id, z } of await parquetReadObjects({ file })) {
    const user = users.get(u_id) ?? { right: 0, pairs: 0 }
    user.right += z > 0 ? 1 : 0
    user.pairs++
    users.set(u_id, user)
  }
  return mean([...users.values()].map(({ right, pairs }) => right / pairs))
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length
const sd = (values) =>
  Math.sqrt(mean(values.map((v) => (v - mean(values)) ** 2)) * (values.length / Math.max(1, values.length - 1)))
const spread = (values, digits) => (values.length < 2 ? '' : ` ± ${sd(values).toFixed(digits)}`)
const percent = (values) => {
  const points = values.map((value) => 100 * value)
  return `${mean(points).toFixed(1)}${spread(points, 1)}`
}
const figure = (values) => `${mean(values).toFixed(4)}${spread(values, 4)}`

async function table(name) {
  const { title, preset, splits, folder, without = {} } = DATA[name]
  const lines = [`## ${title}`, '']
  if (folder && !existsSync(path.join(SHARED, folder)))
    return [...lines, 'Its files were not there when this page was made.', '']
  const header = [
    'model',
    'seeds',
    ...splits.flatMap((split) => [`${split} acc %`, `${split} per user %`, `${split} NLL`]),
    'best epoch',
    's a run',
  ]
  const rows = []
  for (const model of options.models.split(',')) {
    if (without[model]) {
      rows.push([model, `– (${without[model]})`, ...header.slice(2).map(() => '')])
      continue
    }
    const runs = Array.from({ length: seedsOf(model) }, (_, seed) => train(name, model, seed))
    const cells = []
    for (const split of splits) {
      cells.push(percent(runs.map(({ result }) => result[`${split}_acc`])))
      cells.push(percent(await Promise.all(runs.map(({ run }) => perUserMean(run, split)))))
      cells.push(
        figure(runs.map(({ result }) => result[`${split}_bt_loss`] ?? lastMetric(result.dir, `${split}_bt_loss`))),
      )
    }
    rows.push([
      model,
      String(runs.length),
      ...cells,
      mean(runs.map(({ result }) => result.best_epoch + 1)).toFixed(0),
      mean(runs.map(({ result }) => result.seconds)).toFixed(0),
    ])
  }
  const line = (cells) => `| ${cells.join(' | ')} |`
  lines.push(`\`configs/${preset}\`, mean ± standard deviation over seeds.`, '')
  return [...lines, line(header), line(header.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line), '']
}

function lastMetric(dir, name) {
  const lines = readFileSync(path.join(dir, 'metrics.jsonl'), 'utf8').trim().split('\n')
  return lines.map((text) => JSON.parse(text).values[name]).findLast((value) => value !== undefined)
}

await ensureBuilt(NODE_SECTIONS)
mkdirSync(WORK, { recursive: true })
const page = [
  '# What the models reach',
  '',
  'Made by `npm run results`. Accuracy over pairs, the mean of each user’s own accuracy, and NLL (bt_loss of the tested checkpoint, the best',
  'by val_loss; ntm: the last). Presets were tuned on the dev split alone.',
  '',
]
for (const name of options.data.split(',')) page.push(...(await table(name)))
const file = path.join(ROOT, 'docs', 'results.md')
// Read off `delta eval` by hand: it is no part of the tables that are made here.
const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
const kept = before.indexOf('## Is the user used?')
if (kept >= 0) page.push(before.slice(kept))
const style = await prettier.resolveConfig(file)
writeFileSync(file, await prettier.format(page.join('\n'), { ...style, filepath: file }))
process.stderr.write('Wrote docs/results.md\n')
