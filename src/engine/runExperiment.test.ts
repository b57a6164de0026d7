import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ExperimentConfig } from '../shared/config/experiment'
import { evaluationSchema, type EvaluatedSplit } from '../shared/domain/evaluation'
import { isPaused, pausedReason } from '../shared/domain/halving'
import { runRecordSchema } from '../shared/domain/run'
import { dataFixture, temporaryFolder, writeData } from './data/dataFixture'
import { readCheckpoint } from './run/checkpointFile'
import { runExperiment, type EngineMessage } from './runExperiment'
import { StopRequest } from './stopReason'
import { experiment } from './testing/experiment'

const quiet = new StopRequest()

async function fixture(trainer: object = {}): Promise<{ config: ExperimentConfig; logDir: string }> {
  const data = await writeData(dataFixture())
  return {
    config: { ...experiment('caimira', { max_epochs: 6, batch_size: 2, ...trainer }), data },
    logDir: temporaryFolder(),
  }
}

function run(
  config: ExperimentConfig,
  logDir: string,
  options: { resume?: string; rung?: number; stop?: StopRequest; emit?: (m: EngineMessage) => void } = {},
) {
  const { resume, rung, stop = quiet, emit = () => {} } = options
  return runExperiment(
    { config, logDir, command: 'delta train', cwd: '/', warnings: [], rung, ...(resume && { resume }) },
    emit,
    stop,
  )
}

const record = (dir: string) => runRecordSchema.parse(JSON.parse(fs.readFileSync(path.join(dir, 'run.json'), 'utf8')))
const evaluationText = (dir: string, split: EvaluatedSplit): string =>
  fs.readFileSync(path.join(dir, 'evaluation', `${split}.json`), 'utf8')
const evaluation = (dir: string, split: EvaluatedSplit) =>
  evaluationSchema.parse(JSON.parse(evaluationText(dir, split)))
const lines = (dir: string, file: string): string[] => fs.readFileSync(path.join(dir, file), 'utf8').trim().split('\n')

describe('a run', () => {
  it('leaves a folder that holds all of it', async () => {
    const { config, logDir } = await fixture()
    const result = await run(config, logDir)
    expect(result).toMatchObject({ status: 'finished', epochs: 6, steps: 18, leaks: false })
    expect(fs.readdirSync(result.dir, { recursive: true }).map(String).sort()).toEqual(
      expect.arrayContaining([
        'checkpoints/best.json',
        'checkpoints/best.safetensors',
        'checkpoints/last.json',
        'checkpoints/last.safetensors',
        'evaluation/dev.json',
        'evaluation/test.json',
        'evaluation/test_unseen.json',
        'hparams.yaml',
        'metrics.jsonl',
        'predictions/dev.parquet',
        'predictions/test.parquet',
        'predictions/test_unseen.parquet',
        'run.json',
        'run.log',
      ]),
    )
    expect(record(result.dir)).toMatchObject({
      status: 'finished',
      id: result.runId,
      result: { test_acc: result.test_acc },
    })
    // One line an epoch, and one of the tests.
    expect(lines(result.dir, 'metrics.jsonl')).toHaveLength(7)
  })

  it.each(['fused', 'wasm'] as const)('is evaluated person by person, on %s', async (backend) => {
    const { config, logDir } = await fixture()
    const result = await run({ ...config, backend }, logDir)
    const test = evaluation(result.dir, 'test')
    expect(test).toMatchObject({
      checkpoint: { name: 'best', epochs: result.best_epoch! + 1, steps: 3 * (result.best_epoch! + 1) },
      pairs: 6,
      users: 2,
      known_users: 2,
      leak: { leaks: false },
    })
    expect(test.accuracy?.value).toBeCloseTo(result.test_acc!, 12)
    expect(test.nll?.value).toBeCloseTo(
      Number(Object(JSON.parse(lines(result.dir, 'metrics.jsonl').at(-1)!)).values.test_bt_loss),
      6,
    )
    expect(test.comparisons.map(({ name }) => name)).toEqual(['bt', 'majority', 'shuffled_users', 'generic_user'])
    const unseen = evaluation(result.dir, 'test_unseen')
    expect(unseen).toMatchObject({ known_users: 0, user_vector: null })
    // All answer for the generic user anyway.
    expect(unseen.comparisons.map(({ name }) => name)).toEqual(['bt', 'majority'])
    // Its pairs have prompts of their own texts, but the fixture gives all splits the same vectors.
    expect(unseen.cells.map(({ pairs }) => pairs)).toEqual([0, 0, 3, 0])
  })

  it('has another yardstick where its own settings are others, or other resamples', async () => {
    const { config, logDir } = await fixture()
    const [one, other] = [
      await run(config, logDir),
      await run({ ...config, trainer: { ...config.trainer, seed: 5, batch_size: 4 } }, logDir),
    ]
    const bt = (dir: string) => evaluation(dir, 'test').comparisons.find(({ name }) => name === 'bt')
    const { accuracy, user_accuracy, nll } = bt(one.dir)!
    expect(bt(other.dir)).toMatchObject({ accuracy, user_accuracy, nll })
    const again = await run(config, logDir)
    for (const split of ['dev', 'test', 'test_unseen'] as const)
      expect(evaluationText(again.dir, split)).toBe(evaluationText(one.dir, split))
  })

  it('stopped at any time and resumed through its files leaves the same checkpoints as an unbroken one', async () => {
    const { config, logDir } = await fixture()
    const whole = await run(config, logDir)
    const stop = new StopRequest()
    const emit = (message: EngineMessage): void => {
      if (message.type === 'metrics' && message.batch.epoch === 2) stop.byUser()
    }
    const stopped = await run(config, logDir, { stop, emit })
    expect(stopped.status).toBe('stopped')
    expect(stopped.steps).toBeLessThan(18)
    const resumed = await run({ ...config, exp_version: 'ignored' }, logDir, { resume: stopped.dir })
    expect(resumed).toMatchObject({ status: 'finished', dir: stopped.dir, runId: stopped.runId, epochs: 6, steps: 18 })
    for (const name of ['best', 'last'])
      for (const kind of ['safetensors', 'json']) {
        const file = `checkpoints/${name}.${kind}`
        expect(
          fs.readFileSync(path.join(resumed.dir, file)).equals(fs.readFileSync(path.join(whole.dir, file))),
          file,
        ).toBe(true)
      }
    const values = (dir: string) => lines(dir, 'metrics.jsonl').map((line) => Object(JSON.parse(line)).values)
    expect(values(resumed.dir)).toEqual(values(whole.dir))
    expect(evaluationText(resumed.dir, 'test')).toBe(evaluationText(whole.dir, 'test'))
  })

  it('that pauses at its rungs, untested or tested twice, ends otherwise than an unbroken one', async () => {
    const { config, logDir } = await fixture()
    const whole = await run(config, logDir)
    const stop = new StopRequest()
    const emit = (message: EngineMessage): void => {
      // What is left to the rung is the test.
      if (message.type === 'metrics' && message.batch.epoch === 1) setImmediate(() => stop.byUser())
    }
    const cut = await run(config, logDir, { rung: 2, stop, emit })
    expect(isPaused(record(cut.dir))).toBe(false)
    for (const rung of [2, 4]) {
      const paused = await run(config, logDir, { resume: cut.dir, rung })
      expect(paused).toMatchObject({ status: 'stopped', epochs: rung })
      expect(paused).toHaveProperty('test_acc')
      expect(record(cut.dir)).toMatchObject({ status: 'stopped', reason: pausedReason(rung) })
    }
    const resumed = await run(config, logDir, { resume: cut.dir })
    expect(resumed).toMatchObject({ status: 'finished', epochs: 6, steps: 18 })
    expect(record(cut.dir).reason).toBeUndefined()
    for (const name of ['best', 'last']) {
      const file = `checkpoints/${name}.safetensors`
      expect(
        fs.readFileSync(path.join(resumed.dir, file)).equals(fs.readFileSync(path.join(whole.dir, file))),
        file,
      ).toBe(true)
    }
    const values = (dir: string) => lines(dir, 'metrics.jsonl').map((line) => Object(JSON.parse(line)).values)
    expect(values(resumed.dir)).toEqual(values(whole.dir))
  })

  it('whose data changed refuses to be resumed, and keeps its folder as it was', async () => {
    const { config, logDir } = await fixture({ max_epochs: 1 })
    const done = await run(config, logDir)
    const before = fs.readFileSync(path.join(done.dir, 'run.json'), 'utf8')
    const other = dataFixture()
    for (const row of other.train.rows) if (row['u_id'] === 2) row['u_id'] = 3
    for (const split of [other.dev, other.test]) for (const row of split.rows) if (row['u_id'] === 2) row['u_id'] = 3
    const data = await writeData(other)
    await expect(run({ ...config, data }, logDir, { resume: done.dir })).rejects.toMatchObject({
      code: 'data_invalid',
      message: 'The users are no longer what the run was trained with',
    })
    expect(fs.readFileSync(path.join(done.dir, 'run.json'), 'utf8')).toBe(before)
  })

  it('whose pairs changed, with the same users, refuses to be resumed', async () => {
    const { config, logDir } = await fixture({ max_epochs: 1 })
    const done = await run(config, logDir)
    const other = dataFixture()
    other.train.rows.push({ ...other.train.rows[0], id: 'one more' })
    const data = await writeData(other)
    await expect(run({ ...config, data }, logDir, { resume: done.dir })).rejects.toMatchObject({
      message: 'The training pairs or their vectors are no longer what the run was trained with',
    })
  })

  it('of an earlier version, whose checkpoint says train_sha256, can no longer be resumed, or with any data', async () => {
    const pairs = dataFixture()
    const config = { ...experiment('bt', { max_epochs: 2, batch_size: 2 }), data: await writeData(pairs) }
    const logDir = temporaryFolder()
    const { dir } = await run(config, logDir)
    // Written by the last version that named the hash so, of the very same training.
    const earlier = fs.readFileSync(path.join(import.meta.dirname, 'testing/train_sha256.safetensors'))
    const file = path.join(dir, 'checkpoints/last.safetensors')
    fs.writeFileSync(file, earlier)
    const more = { ...config, trainer: { ...config.trainer, max_epochs: 3 } }
    pairs.train.vectors[4]![2]! += 1
    await expect(run({ ...more, data: await writeData(pairs) }, logDir, { resume: dir })).rejects.toMatchObject({
      code: 'data_invalid',
      message: 'The training pairs or their vectors are no longer what the run was trained with',
    })
    expect(fs.readFileSync(file).equals(earlier)).toBe(true)
    expect(await run(more, logDir, { resume: dir })).toMatchObject({ status: 'finished', epochs: 3, steps: 9 })
    const { train_hash } = readCheckpoint(path.join(dir, 'checkpoints'), 'last').meta
    expect(train_hash).toMatch(/^xxh64:[0-9a-f]{16}$/)
    expect(fs.readFileSync(file, 'latin1')).not.toContain('train_sha256')
  })

  it('whose vectors changed in their last number alone refuses to be resumed', async () => {
    const { config, logDir } = await fixture({ max_epochs: 1 })
    const done = await run(config, logDir)
    const other = dataFixture()
    other.train.vectors[4]![2]! += 1
    const data = await writeData(other)
    await expect(run({ ...config, data }, logDir, { resume: done.dir })).rejects.toMatchObject({
      message: 'The training pairs or their vectors are no longer what the run was trained with',
    })
  })

  it('with more epochs than the new total is refused, stays as it was and can be resumed after that', async () => {
    const { config, logDir } = await fixture({ max_epochs: 3 })
    const { dir } = await run(config, logDir)
    const before = lines(dir, 'metrics.jsonl')
    const fewer = { ...config, trainer: { ...config.trainer, max_epochs: 2 } }
    await expect(run(fewer, logDir, { resume: dir })).rejects.toMatchObject({
      code: 'usage',
      message: 'The run has 3 epochs already, and max_epochs is 2',
    })
    expect(lines(dir, 'metrics.jsonl')).toEqual(before)
    const more = { ...config, trainer: { ...config.trainer, max_epochs: 4 } }
    expect(await run(more, logDir, { resume: dir })).toMatchObject({ status: 'finished', epochs: 4 })
  })

  it('whose best checkpoint is torn can still be resumed from its last', async () => {
    const { config, logDir } = await fixture({ max_epochs: 2 })
    const done = await run(config, logDir)
    fs.truncateSync(path.join(done.dir, 'checkpoints/best.safetensors'), 100)
    fs.writeFileSync(path.join(done.dir, 'checkpoints/last.json'), 'not read back')
    const more = { ...config, trainer: { ...config.trainer, max_epochs: 3 } }
    expect(await run(more, logDir, { resume: done.dir })).toMatchObject({ status: 'finished', epochs: 3 })
  })

  it('that is being trained refuses to be resumed', async () => {
    const { config, logDir } = await fixture({ max_epochs: 1_000_000 })
    const stop = new StopRequest()
    let second: Promise<unknown> | undefined
    const emit = (message: EngineMessage): void => {
      if (message.type !== 'started') return
      second = run(config, logDir, { resume: message.dir }).catch((error: unknown) => error)
      void second.then(() => stop.byUser())
    }
    const first = await run(config, logDir, { stop, emit })
    expect(await second).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('is being trained by process'),
    })
    expect(first.status).toBe('stopped')
  })

  it('that diverges ends as failed, names step, rate and the last good checkpoint, and keeps that checkpoint', async () => {
    // Doubling the rate each epoch would take long; a rate this large overflows within a few steps.
    const { config, logDir } = await fixture({ learning_rate: 1e38, optimizer: 'SGD' })
    const failure = await run(config, logDir).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'training_diverged' })
    expect(String(failure)).toMatch(/The loss became (NaN|Infinity) at step \d+ \(learning rate 1\.00e\+38\)/)
    const dir = path.join(logDir, 'default_exp', 'v0')
    expect(record(dir)).toMatchObject({ status: 'failed' })
    expect(record(dir).reason).toMatch(/checkpoint/)
    expect(lines(dir, 'run.log').at(-1)).toMatch(/learning_rate|checkpoint|gradient_clip_val/)
  })

  it('stopped while it is tested ends as stopped, and is tested when it is resumed', async () => {
    const { config, logDir } = await fixture({ max_epochs: 2 })
    const stop = new StopRequest()
    const emit = (message: EngineMessage): void => {
      // The last epoch's figures: what is left is the test.
      if (message.type === 'metrics' && message.batch.epoch === 1) setImmediate(() => stop.byUser())
    }
    const cut = await run(config, logDir, { stop, emit })
    expect(cut).toMatchObject({ status: 'stopped', epochs: 2 })
    expect(cut).not.toHaveProperty('test_acc')
    const resumed = await run(config, logDir, { resume: cut.dir })
    expect(resumed).toMatchObject({ status: 'finished', epochs: 2 })
    expect(resumed).toHaveProperty('test_acc')
  })

  it('stopped while the columns of its test are read, or at any other moment of its test, ends as failed', async () => {
    const { config, logDir } = await fixture({ max_epochs: 1 })
    const ends: string[] = []
    // A turn of the event loop later each time, until nothing is left to be stopped.
    for (let turns = 0; !ends.includes('finished'); turns++) {
      const stop = new StopRequest()
      const wait = (left: number): void => void (left === 0 ? stop.byUser() : setImmediate(() => wait(left - 1)))
      const emit = (message: EngineMessage): void => {
        if (message.type === 'metrics' && message.batch.values['train_loss'] !== undefined) wait(turns)
      }
      const ended = await run({ ...config, exp_version: `after${turns}` }, logDir, { stop, emit })
      expect(record(ended.dir).status).toBe(ended.status)
      ends.push(ended.status)
    }
    expect(ends.length).toBeGreaterThan(3)
    expect(new Set(ends)).toEqual(new Set(['stopped', 'finished']))
  })

  it('whose parent is gone says so, and can be resumed', async () => {
    const { config, logDir } = await fixture()
    const stop = new StopRequest()
    const emit = (message: EngineMessage): void => {
      if (message.type === 'metrics') stop.orphaned()
    }
    const { dir, status } = await run(config, logDir, { stop, emit })
    expect(status).toBe('interrupted')
    expect(record(dir)).toMatchObject({ status: 'interrupted', reason: 'the program that started it is gone' })
    expect(await run(config, logDir, { resume: dir })).toMatchObject({ status: 'finished', epochs: 6 })
  })

  it('whose test vectors overflow fails instead of claiming NaN as a result', async () => {
    // Weights of about 10, so that products with such vectors leave float32's range.
    const { config, logDir } = await fixture({ max_epochs: 1, learning_rate: 10 })
    const broken = dataFixture()
    broken.test.vectors = broken.test.vectors.map((vector) => vector.map((value) => value * 8e37))
    const data = await writeData(broken)
    await expect(run({ ...config, data }, logDir)).rejects.toMatchObject({ code: 'training_diverged' })
    expect(record(path.join(logDir, 'default_exp', 'v0')).status).toBe('failed')
  })

  it('with broken data leaves nothing behind', async () => {
    const { config, logDir } = await fixture()
    const data = { ...config.data, train: { ...config.data.train, emb_file: '/nonexistent.npy' } }
    await expect(run({ ...config, data }, logDir)).rejects.toMatchObject({ code: 'data_invalid' })
    expect(fs.readdirSync(logDir)).toEqual([])
  })

  it('without a dev split validates on test; without both, its last checkpoint is its best', async () => {
    const { config, logDir } = await fixture({ max_epochs: 2 })
    const noDev = { ...config.data, dev: undefined }
    const onTest = await run({ ...config, data: noDev }, logDir)
    expect(onTest).toHaveProperty('val_loss')
    const alone = await run({ ...config, data: { ...noDev, test: undefined } }, logDir)
    expect(alone).not.toHaveProperty('val_loss')
    expect(fs.existsSync(path.join(alone.dir, 'checkpoints/best.safetensors'))).toBe(true)
  })
})
