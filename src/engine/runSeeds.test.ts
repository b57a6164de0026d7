import fs from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { ExperimentConfig, ModelName } from '../shared/config/experiment'
import { runRecordSchema } from '../shared/domain/run'
import { dataFixture, temporaryFolder, writeData } from './data/dataFixture'
import { runExperiment } from './runExperiment'
import { configOf, runSeeds, type TellOfSeed } from './runSeeds'
import { StopRequest } from './stopReason'
import { experiment } from './testing/experiment'

async function fixture(model: ModelName, trainer: object = {}): Promise<ExperimentConfig> {
  return { ...experiment(model, { max_epochs: 4, batch_size: 2, ...trainer }), data: await writeData(dataFixture()) }
}

function train(config: ExperimentConfig, seeds: readonly number[], logDir: string, tell: TellOfSeed = () => {}) {
  const runs = seeds.map((seed) => ({ seed, exp_version: `v0-s${seed}`, command: `train --seed ${seed}` }))
  return runSeeds({ config, runs, logDir, cwd: '/', warnings: [] }, tell, new StopRequest())
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
      config: configOf(config, { seed: 1, exp_version: 'alone' }),
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
  const result = await train(await fixture('caimira'), [5, 9], logDir, (seed, news) => {
    if (news.type === 'started') started.push(`${seed} ${path.basename(news.dir)}`)
  })
  expect(started).toEqual(['5 v0-s5', '9 v0-s9'])
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
  const runs = ['nowhere/v0', 'v0-s2'].map((exp_version, i) => ({ seed: i + 1, exp_version, command: '' }))
  const result = await runSeeds({ config, runs, logDir, cwd: '/', warnings: [] }, () => {}, new StopRequest())
  expect(result.failed).toMatchObject([{ seed: 1, error: { code: 'unwritable' } }])
  expect(result.runs).toMatchObject([{ seed: 2, status: 'finished', epochs: 4 }])
})

it('a stop leaves a seed running, or loses its checkpoint', async () => {
  const config = await fixture('caimira', { max_epochs: 100_000 })
  const stop = new StopRequest()
  const runs = [1, 2, 3].map((seed) => ({ seed, exp_version: `v0-s${seed}`, command: '' }))
  const tell: TellOfSeed = (seed, news) => {
    if (seed === 2 && news.type === 'metrics' && news.batch.epoch === 3) stop.byUser()
  }
  const result = await runSeeds({ config, runs, logDir: temporaryFolder(), cwd: '/', warnings: [] }, tell, stop)
  expect(result.runs.map(({ status }) => status)).toEqual(['stopped', 'stopped', 'stopped'])
  for (const { dir } of result.runs) expect(bytes(dir, 'last').length).toBeGreaterThan(0)
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
