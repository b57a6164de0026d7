import fs from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { ExperimentConfig, ModelName } from '../shared/config/experiment'
import { HALVED, type Halving } from '../shared/domain/halving'
import { runRecordSchema } from '../shared/domain/run'
import { seedsResult, withSeed } from '../shared/domain/seeds'
import { dataFixture, temporaryFolder, writeData } from './data/dataFixture'
import { readCheckpoint } from './run/checkpointFile'
import { runExperiment } from './runExperiment'
import { runTogether, type TellOfRun } from './runTogether'
import { StopRequest } from './stopReason'
import { experiment } from './testing/experiment'

async function fixture(model: ModelName, trainer: object = {}): Promise<ExperimentConfig> {
  return { ...experiment(model, { max_epochs: 4, batch_size: 2, ...trainer }), data: await writeData(dataFixture()) }
}

async function train(
  config: ExperimentConfig,
  seeds: readonly number[],
  logDir: string,
  tell: TellOfRun = () => {},
  stop = new StopRequest(),
) {
  const runs = seeds.map((seed) => ({ config: withSeed(config, seed, `v0-s${seed}`), command: `train --seed ${seed}` }))
  return seedsResult(seeds, await runTogether({ runs, logDir, cwd: '/', warnings: [] }, tell, stop))
}

const bytes = (dir: string, name: string): Buffer =>
  fs.readFileSync(path.join(dir, 'checkpoints', `${name}.safetensors`))

it.each([
  { model: 'caimira', backend: 'fused' },
  { model: 'model1', backend: 'fused' },
  { model: 'lore', backend: 'wasm' },
] as const)('a seed of $model on $backend trains otherwise among others than alone', async ({ model, backend }) => {
  const config = { ...(await fixture(model)), backend }
  const logDir = temporaryFolder()
  const together = await train(config, [3, 1, 2], logDir)
  expect(together.failed).toEqual([])
  expect(together.runs.map(({ seed, status, backend: on }) => ({ seed, status, on }))).toEqual(
    [3, 1, 2].map((seed) => ({ seed, status: 'finished', on: backend })),
  )
  const alone = await runExperiment(
    {
      config: withSeed(config, 1, 'alone'),
      logDir,
      command: '',
      cwd: '/',
      warnings: [],
    },
    () => {},
    new StopRequest(),
  )
  const among = together.runs.find(({ seed }) => seed === 1)!
  for (const name of ['best', 'last']) expect(bytes(among.dir, name).equals(bytes(alone.dir, name)), name).toBe(true)
  expect(among.test_loss).toBe(alone.test_loss)
  const evaluation = (dir: string): string => fs.readFileSync(path.join(dir, 'evaluation', 'test.json'), 'utf8')
  expect(evaluation(among.dir)).toBe(evaluation(alone.dir))
  expect(bytes(together.runs[0]!.dir, 'last').equals(bytes(among.dir, 'last'))).toBe(false)
})

it('the summary is not over the runs, or a run has not its own folder and command', async () => {
  const started: string[] = []
  const logDir = temporaryFolder()
  const result = await train(await fixture('caimira'), [5, 9], logDir, (run, news) => {
    if (news.type === 'started') started.push(`${run} ${path.basename(news.dir)}`)
  })
  expect(started).toEqual(['0 v0-s5', '1 v0-s9'])
  const losses = result.runs.map(({ test_loss }) => test_loss!)
  expect(result.summary['test_loss']!.mean).toBeCloseTo((losses[0]! + losses[1]!) / 2, 12)
  expect(result.summary['test_loss']!.sd).toBeCloseTo(Math.abs(losses[0]! - losses[1]!) / Math.SQRT2, 12)
  for (const { seed, dir } of result.runs) {
    const record = runRecordSchema.parse(JSON.parse(fs.readFileSync(path.join(dir, 'run.json'), 'utf8')))
    expect(record).toMatchObject({ status: 'finished', command: `train --seed ${seed}` })
  }
})

it('one seed that cannot have its folder takes the others with it', async () => {
  const config = await fixture('caimira')
  const logDir = temporaryFolder()
  const runs = ['nowhere/v0', 'v0-s2'].map((version, i) => ({ config: withSeed(config, i + 1, version), command: '' }))
  const result = await runTogether({ runs, logDir, cwd: '/', warnings: [] }, () => {}, new StopRequest())
  expect(result.failed).toMatchObject([{ run: 0, error: { code: 'unwritable' } }])
  expect(result.runs).toMatchObject([{ run: 1, result: { status: 'finished', epochs: 4 } }])
})

it('the end of a run is told with the others’, twice, or otherwise than in the result', async () => {
  const config = await fixture('caimira')
  const runs = [{ max_epochs: 1 }, { max_epochs: 1_000_000 }, { exp_version: 'no/folder' }].map((own, i) => ({
    config: {
      ...withSeed(config, 0, own.exp_version ?? `v${i}`),
      trainer: { ...config.trainer, max_epochs: own.max_epochs ?? 4 },
    },
    command: '',
  }))
  const told: string[] = []
  const ends: object[] = []
  const stop = new StopRequest()
  const tell: TellOfRun = (run, news) => {
    told.push(news.type === 'metrics' ? `${run} ${news.batch.epoch}` : `${run} ${news.type}`)
    if (news.type === 'ended') ends.push({ run, result: news.result })
    // Were it not told before the others' end, they would train on.
    if (run === 0 && news.type === 'ended') stop.byUser()
    if (news.type === 'failed') ends.push({ run, error: news.error })
  }
  const request = { runs, logDir: temporaryFolder(), cwd: '/', warnings: [] }
  const { runs: ended, failed } = await runTogether(request, tell, stop)
  expect(ended.map(({ run, result }) => `${run} ${result.status}`)).toEqual(['0 finished', '1 stopped'])
  expect(ends).toHaveLength(3)
  expect(ends).toEqual(expect.arrayContaining([...ended, ...failed]))
  expect(told.indexOf('2 failed')).toBeLessThan(told.indexOf('1 0'))
  // Nothing comes after a run's end.
  for (const run of [0, 1]) expect(told.filter((one) => one.startsWith(`${run} `)).at(-1)).toBe(`${run} ended`)
})

it('a stop leaves a seed running, or loses its checkpoint', async () => {
  const config = await fixture('caimira', { max_epochs: 100_000 })
  const stop = new StopRequest()
  const tell: TellOfRun = (run, news) => {
    if (run === 1 && news.type === 'metrics' && news.batch.epoch === 3) stop.byUser()
  }
  const result = await train(config, [1, 2, 3], temporaryFolder(), tell, stop)
  expect(result.runs.map(({ status }) => status)).toEqual(['stopped', 'stopped', 'stopped'])
  for (const { dir } of result.runs) expect(bytes(dir, 'last').length).toBeGreaterThan(0)
})

it('runs of one pass are stopped at different steps, and go on one after the other', async () => {
  const config = await fixture('caimira', { max_epochs: 1_000_000 })
  for (const ms of [50, 80, 110]) {
    const stop = new StopRequest()
    // A stop comes while the event loop turns: some runs have let it turn before they asked for a step, some after.
    const tell: TellOfRun = (run, news) => {
      if (run === 0 && news.type === 'started') setTimeout(() => stop.byUser(), ms)
    }
    const seeds = Array.from({ length: 12 }, (_, seed) => seed)
    const { runs } = await train(config, seeds, temporaryFolder(), tell, stop)
    const positions = runs.map(
      ({ dir }) => readCheckpoint(path.join(dir, 'checkpoints'), 'last').meta.progress?.position,
    )
    expect(positions[0]).toBeDefined()
    expect(new Set(positions.map((position) => JSON.stringify([position?.epoch, position?.batch]))).size).toBe(1)
  }
})

it('seeds that stop early at different epochs wait for one another for ever', async () => {
  const result = await train(
    await fixture('caimira', { max_epochs: 60, patience: 1, learning_rate: 0.5 }),
    [1, 2, 3, 4],
    temporaryFolder(),
  )
  expect(result.runs).toHaveLength(4)
  expect(new Set(result.runs.map(({ epochs }) => epochs)).size).toBeGreaterThan(1)
})

/** Runs of a sweep: other rates, penalties, sizes, schedules and lengths, on the same batches. */
async function mixture(): Promise<ExperimentConfig[]> {
  const base = await fixture('caimira')
  if (base.model_name !== 'caimira') throw new Error('another model')
  const { trainer, caimira } = base
  return [
    { ...base, trainer: { ...trainer, learning_rate: 0.05 } },
    {
      ...base,
      trainer: { ...trainer, seed: 7, optimizer: 'SGD' as const, max_epochs: 2 },
      caimira: { ...caimira, n_dim: 9 },
    },
    {
      ...base,
      trainer: { ...trainer, scheduler: 'cosine' as const },
      caimira: { ...caimira, n_dim: 2, lambda_s: 0.01 },
    },
    { ...base, trainer: { ...trainer, batch_size: 3 } },
  ].map((config, i) => ({
    ...withSeed(config, config.trainer.seed, `v${i}`),
    trainer: { ...config.trainer, data_seed: 0 },
  }))
}

it('a trial of a sweep trains otherwise among trials of other rates, sizes, penalties and batches than alone', async () => {
  const configs = await mixture()
  const runs = configs.map((config) => ({ config, command: '' }))
  const together = await runTogether(
    { runs, logDir: temporaryFolder(), cwd: '/', warnings: [] },
    () => {},
    new StopRequest(),
  )
  expect(together.failed).toEqual([])
  const logDir = temporaryFolder()
  for (const { run, result } of together.runs) {
    const request = { ...runs[run]!, logDir, cwd: '/', warnings: [] }
    const alone = await runExperiment(request, () => {}, new StopRequest())
    for (const name of ['best', 'last'])
      expect(bytes(result.dir, name).equals(bytes(alone.dir, name)), `${run} ${name}`).toBe(true)
    expect(result.test_loss).toBe(alone.test_loss)
    const evaluation = (dir: string): string => fs.readFileSync(path.join(dir, 'evaluation', 'test.json'), 'utf8')
    expect(evaluation(result.dir)).toBe(evaluation(alone.dir))
  }
  expect(together.runs.map(({ result }) => result.epochs)).toEqual([4, 2, 4, 4])
})

it('runs that were stopped at different epochs do not go on, or not as if they had never been stopped', async () => {
  const base = await fixture('caimira', { max_epochs: 6 })
  const logDir = temporaryFolder()
  const configs = [1, 2, 3].map((seed) => withSeed(base, seed, `v${seed}`))
  const stopped = await runTogether(
    {
      runs: configs.map((config, i) => ({
        config: { ...config, trainer: { ...config.trainer, max_epochs: i === 0 ? 1 : 3 } },
        command: '',
      })),
      ...{ logDir, cwd: '/', warnings: [] },
    },
    () => {},
    new StopRequest(),
  )
  const runs = stopped.runs.map(({ result }, i) => ({ config: configs[i]!, command: '', resume: result.dir }))
  const together = await runTogether({ runs, logDir, cwd: '/', warnings: [] }, () => {}, new StopRequest())
  expect(together.failed).toEqual([])
  const whole = await train(base, [1, 2, 3], temporaryFolder())
  for (const [i, { result }] of together.runs.entries())
    expect(bytes(result.dir, 'last').equals(bytes(whole.runs[i]!.dir, 'last')), String(i)).toBe(true)
})

const HALVING: Halving = {
  metric: 'val_loss',
  direction: 'minimize',
  reduction: 2,
  rungs: [2, 4].map((epochs) => ({ epochs, earlier: [] })),
}

it.each(['fused', 'wasm'] as const)(
  'halving on %s keeps the worse half, or what it keeps trains otherwise than alone',
  async (backend) => {
    const base = { ...(await fixture('caimira', { max_epochs: 6 })), backend }
    // The worst first, so that one after the other each is the best so far.
    const rates = [1e-5, 1e-4, 1e-3, 1e-2]
    const runs = rates.map((learning_rate, i) => ({
      config: { ...base, exp_version: `v${i}`, trainer: { ...base.trainer, learning_rate } },
      command: '',
    }))
    const request = { runs, logDir: temporaryFolder(), cwd: '/', warnings: [], halving: HALVING }
    const { runs: ended } = await runTogether(request, () => {}, new StopRequest())
    const epochs = ended.map(({ result }) => result.epochs)
    // In one pass two of four go on at the first rung, and one of them at the second.
    if (backend === 'fused') expect([...epochs].sort()).toEqual([2, 2, 4, 6])
    else expect(epochs.every((count) => [2, 4, 6].includes(count))).toBe(true)
    const record = (dir: string) =>
      runRecordSchema.parse(JSON.parse(fs.readFileSync(path.join(dir, 'run.json'), 'utf8')))
    for (const { result } of ended) {
      const { status, reason } = record(result.dir)
      expect(status).toBe('finished')
      expect(reason?.startsWith(HALVED) ?? false).toBe(result.epochs < 6)
    }
    const longest = ended.find(({ result }) => result.epochs === 6)!
    const alone = await runExperiment(
      { ...runs[longest.run]!, logDir: temporaryFolder(), cwd: '/', warnings: [] },
      () => {},
      new StopRequest(),
    )
    expect(bytes(longest.result.dir, 'last').equals(bytes(alone.dir, 'last'))).toBe(true)
  },
)

it('what runs had at a rung before does not count', async () => {
  const base = await fixture('caimira', { max_epochs: 3 })
  const halving = { ...HALVING, rungs: [{ epochs: 2, earlier: [0, 0] }] }
  const run = { config: base, command: '' }
  const request = { runs: [run], logDir: temporaryFolder(), cwd: '/', warnings: [], halving }
  expect((await runTogether(request, () => {}, new StopRequest())).runs[0]?.result.epochs).toBe(2)
})

it('runs that end by patience or by an error leave the others waiting at a rung', async () => {
  const base = await fixture('caimira', { max_epochs: 6 })
  const trainers = [{ patience: 1, learning_rate: 5 }, { max_epochs: 1 }, {}, {}]
  const runs = trainers.map((own, i) => ({
    config: {
      ...base,
      exp_version: i === 2 ? 'no/folder' : `v${i}`,
      trainer: { ...base.trainer, ...own, seed: i, data_seed: 0 },
    },
    command: '',
  }))
  const request = { runs, logDir: temporaryFolder(), cwd: '/', warnings: [], halving: HALVING }
  const { runs: ended, failed } = await runTogether(request, () => {}, new StopRequest())
  expect(failed.map(({ run }) => run)).toEqual([2])
  expect(ended.map(({ run, result }) => `${run} ${result.status}`)).toEqual(['0 finished', '1 finished', '3 finished'])
})

it('a run that was stopped after its best epoch, or while it was tested, ends in other checkpoints than one that never was', async () => {
  const config = await fixture('caimira', { max_epochs: 60, patience: 3, learning_rate: 2 })
  const logDir = temporaryFolder()
  const [unbroken] = (await train(config, [1], temporaryFolder())).runs
  expect(unbroken!.epochs).toBeLessThan(60)
  const bestEpoch = unbroken!.best_epoch!
  // Right after the best epoch, before training ends, and when nothing but the test is left.
  for (const [i, epoch] of [bestEpoch, bestEpoch + 2, unbroken!.epochs - 1].entries()) {
    const stop = new StopRequest()
    const own = { ...config, exp_name: `cut${i}` }
    const tell: TellOfRun = (_, news) => {
      if (news.type === 'metrics' && news.batch.epoch === epoch) stop.orphaned()
    }
    const cut = (await train(own, [1], logDir, tell, stop)).runs[0]!
    expect(cut.status).toBe('interrupted')
    const runs = [{ config: withSeed(own, 1, 'v0-s1'), command: '', resume: cut.dir }]
    const { runs: ended } = await runTogether({ runs, logDir, cwd: '/', warnings: [] }, () => {}, new StopRequest())
    expect(ended[0]!.result).toMatchObject({ status: 'finished', epochs: unbroken!.epochs, best_epoch: bestEpoch })
    for (const name of ['best', 'last'])
      expect(bytes(cut.dir, name).equals(bytes(unbroken!.dir, name)), `${epoch} ${name}`).toBe(true)
  }
})

it('a run that was halved and stopped while it was tested trains on when its sweep goes on', async () => {
  const base = await fixture('caimira', { max_epochs: 6 })
  const logDir = temporaryFolder()
  const configs = [1e-5, 1e-2].map((learning_rate, i) => ({
    ...base,
    exp_version: `v${i}`,
    trainer: { ...base.trainer, learning_rate },
  }))
  const rungs = [{ epochs: 2, earlier: [] }]
  const stop = new StopRequest()
  const losses: number[] = []
  const tell: TellOfRun = (_, news) => {
    if (news.type !== 'metrics' || news.batch.epoch !== 1) return
    losses.push(news.batch.values['val_loss']!)
    if (losses.length === 2) stop.orphaned()
  }
  const request = { logDir, cwd: '/', warnings: [] }
  const asked = configs.map((config) => ({ config, command: '' }))
  const cut = await runTogether({ ...request, runs: asked, halving: { ...HALVING, rungs } }, tell, stop)
  expect(cut.runs.map(({ result }) => `${result.status} ${result.epochs}`)).toEqual(['interrupted 2', 'interrupted 3'])
  const runs = asked.map((one, i) => ({ ...one, resume: cut.runs[i]!.result.dir }))
  const halving = { ...HALVING, rungs: [{ epochs: 2, earlier: losses }] }
  const again = await runTogether({ ...request, runs, halving }, () => {}, new StopRequest())
  expect(again.runs.map(({ result }) => `${result.status} ${result.epochs}`)).toEqual(['finished 2', 'finished 6'])
})
