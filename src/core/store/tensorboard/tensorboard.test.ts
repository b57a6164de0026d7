import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openStore, type Store } from '../openStore'
import { temporaryFolder } from '../testing/storeFixture'
import { importTensorBoard } from './importTensorBoard'

let dir: string
let remove: () => void
let store: Store
beforeEach(() => {
  ;({ dir, remove } = temporaryFolder())
  store = openStore({ dir: undefined })
})
afterEach(() => {
  store.close()
  remove()
})

const python = process.env['DELTA_PYTHON'] ?? 'python3'
const has = (...packages: string[]): boolean =>
  spawnSync(python, [
    '-c',
    'import importlib.util as u, sys; sys.exit(any(u.find_spec(p) is None for p in sys.argv[1:]))',
    ...packages,
  ]).status === 0
const hasTorch = has('torch', 'tensorboard')
const hasLightning = hasTorch && has('lightning')

const READ_BACK = `
import json, os, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util
out = {}
for root, _, files in os.walk(sys.argv[1]):
    if not any('tfevents' in f for f in files): continue
    ea = EventAccumulator(root, size_guidance={'scalars': 0, 'tensors': 0}); ea.Reload()
    m = {t: [[e.step, e.value] for e in ea.Scalars(t)] for t in ea.Tags()['scalars']}
    for t in ea.Tags()['tensors']:
        if ea.SummaryMetadata(t).plugin_data.plugin_name == 'scalars':
            m[t] = [[e.step, float(tensor_util.make_ndarray(e.tensor_proto))] for e in ea.Tensors(t)]
    out[os.path.relpath(root, sys.argv[1])] = m
print(json.dumps(out))
`
const readSchema = z.record(z.string(), z.record(z.string(), z.array(z.tuple([z.number(), z.number()]))))

/** What TensorBoard itself reads, after `script` has written. */
function write(script: string, at = dir): z.infer<typeof readSchema> {
  const done = spawnSync(python, ['-c', `${script}\n${READ_BACK}`, at], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(done.stderr)
  return readSchema.parse(JSON.parse(done.stdout.trim().split('\n').at(-1) ?? ''))
}

/** What the history holds of these runs. */
function held(): z.infer<typeof readSchema> {
  const { rows } = store.list({})
  const { series } = store.history.query({ runs: rows.map(({ id }) => id), metrics: [], buckets: 10_000 })
  const found: z.infer<typeof readSchema> = {}
  for (const run of rows) {
    const curves = series.filter((one) => one.run === run.id)
    found[path.relative(dir, run.dir ?? '') || '.'] = Object.fromEntries(
      curves.map(({ metric, x, y }) => [metric, x.map((step, i): [number, number] => [step, y[i] ?? NaN])]),
    )
  }
  return found
}

describe.skipIf(!hasTorch)(
  `files of PyTorch's SummaryWriter (${hasTorch ? python : 'skipped: no torch and tensorboard'})`,
  () => {
    const torch = `
import os, sys
import torch
from torch.utils.tensorboard import SummaryWriter
w = SummaryWriter(os.path.join(sys.argv[1], 'run1'))
for i in range(50):
    w.add_scalar('loss/train', 1.0 / (i + 1), i * 10)
    w.add_scalar('acc', i / 50, i * 10, new_style=True)
    w.add_scalar('double', i / 7, i, new_style=True, double_precision=True)
w.add_histogram('weights', torch.arange(10.), 0)
w.add_text('text', 'hello', 0)
w.add_hparams({'lr': 0.1, 'opt': 'adam', 'flag': True}, {'hp/acc': 0.9}, run_name='.')
w.close()
w = SummaryWriter(os.path.join(sys.argv[1], 'run2'))
for i in range(10): w.add_scalar('loss', i, i)
w.close()
w = SummaryWriter(os.path.join(sys.argv[1], 'run2'), purge_step=5, filename_suffix='.z')
for i in range(5, 7): w.add_scalar('loss', 100 + i, i)
w.close()`

    // Importing torch takes most of the time: written once, copied for each test.
    let written: { dir: string; remove: () => void }
    let expected: z.infer<typeof readSchema>
    beforeAll(() => {
      written = temporaryFolder()
      expected = write(torch, written.dir)
    })
    afterAll(() => written.remove())
    beforeEach(() => fs.cpSync(written.dir, dir, { recursive: true }))

    test('are read otherwise than by TensorBoard', async () => {
      const runs = await importTensorBoard(store, dir)
      expect(held()).toEqual(expected)
      expect(expected['run2']?.['loss']).toEqual([...[0, 1, 2, 3, 4].map((i) => [i, i]), [5, 105], [6, 106]])
      expect(runs.map(({ problems }) => problems)).toEqual([[], []])
      expect(runs[0]?.otherTags.sort()).toEqual(['text/text_summary', 'weights'])
      const { rows } = store.list({ filter: 'exp_version = run1', params: 'all' })
      expect(rows[0]).toMatchObject({ params: { lr: 0.1, opt: 'adam', flag: 1 }, source: 'tensorboard' })
    })

    test('that are torn lose more than their torn end, or no word about it', async () => {
      const [name = ''] = fs.readdirSync(path.join(dir, 'run2')).sort()
      const file = path.join(dir, 'run2', name)
      fs.truncateSync(file, fs.statSync(file).size - 5)
      fs.rmSync(path.join(dir, 'run2', fs.readdirSync(path.join(dir, 'run2')).sort()[1] ?? ''))
      const [, torn] = await importTensorBoard(store, dir)
      expect(torn?.problems).toEqual([expect.stringMatching(/its last record is cut off at byte \d+/)])
      expect(held()['run2']?.['loss']).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => [i, i]))
    })

    test('with a flipped bit are believed', async () => {
      const [name = ''] = fs.readdirSync(path.join(dir, 'run2')).sort()
      const file = path.join(dir, 'run2', name)
      const bytes = fs.readFileSync(file)
      const clean = Buffer.from(bytes)
      // Somewhere in the fourth record's payload, then in its length.
      const starts = [0]
      for (let at = 0; at < bytes.length; starts.push(at)) at += 16 + Number(bytes.readBigUInt64LE(at))
      const fourth = starts[3] ?? 0
      bytes[fourth + 20] = (bytes[fourth + 20] ?? 0) ^ 1
      fs.writeFileSync(file, bytes)
      const [, flipped] = await importTensorBoard(store, dir)
      expect(flipped?.problems).toEqual([expect.stringMatching(`record at byte ${fourth} is damaged and was left out`)])
      clean[fourth + 1] = 1
      fs.writeFileSync(file, clean)
      const [, cut] = await importTensorBoard(store, dir)
      expect(cut?.problems).toEqual([expect.stringMatching(`from byte ${fourth} on it is damaged`)])
    })

    test('read twice are two runs', async () => {
      const first = await importTensorBoard(store, dir)
      const second = await importTensorBoard(store, dir)
      expect(second.map(({ id }) => id)).toEqual(first.map(({ id }) => id))
      expect(store.list({}).total).toBe(2)
    })
  },
)

test.skipIf(!hasLightning)(
  `PyTorch Lightning's hparams and scalars are left out${hasLightning ? '' : ' (skipped: no lightning)'}`,
  async () => {
    const expected = write(`
import os, sys, logging
logging.disable(logging.CRITICAL)
from lightning.pytorch.loggers import TensorBoardLogger
l = TensorBoardLogger(sys.argv[1], name='lightning_logs', version=3)
l.log_hyperparams({'learning_rate': 0.002, 'model_name': 'net', 'nested': {'a': 1, 'b': [1, 2]}}, {'hp_metric': 0.5})
for i in range(20): l.log_metrics({'train_loss': 0.7 - 0.01 * i, 'epoch': i // 5}, step=i)
l.save(); l.finalize('success')`)
    await importTensorBoard(store, dir)
    expect(held()).toEqual(expected)
    const { rows } = store.list({ filter: 'learning_rate = 0.002 and nested.a = 1', params: 'all' })
    expect(rows[0]).toMatchObject({
      exp_version: 'version_3',
      model_name: 'net',
      epochs: 4,
      params: { 'nested.b': '[1,2]' },
    })
  },
)

test('a folder that holds nothing of the kind is a run, or an endless file is read', async () => {
  fs.mkdirSync(path.join(dir, 'a'))
  fs.writeFileSync(path.join(dir, 'a', 'events.out.tfevents.1.x'), 'this is no event file at all, really')
  const [run] = await importTensorBoard(store, dir)
  expect(run).toMatchObject({ points: 0, problems: [expect.stringMatching(/from byte 0 on it is damaged/)] })
  await expect(async () => importTensorBoard(store, path.join(dir, 'nowhere'))).rejects.toThrow(/no folder/)
})
