import fs from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { runRecordSchema } from '../shared/domain/run'
import { sweepResultSchema, type SweepResult } from '../shared/domain/sweep'
import { QueueTable } from '../core/service/queueTable'
import { readRecord, writeRecord } from '../core/service/recordFile'
import { openStore } from '../core/store/openStore'
import { buildCli, workspace } from '../core/testing/workspace'
import { delta, start, type Finished } from './testing/builtCli'

let folder: string
beforeAll(buildCli)
beforeEach(() => {
  folder = workspace()
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

function write(epochs: number, more = ''): string {
  const file = path.join(folder, 'rates.yaml')
  fs.writeFileSync(
    file,
    `method: grid
seeds: 1..2
parameters:
  trainer.learning_rate: [0.01, 0.02]
  caimira.n_dim: [2, 3, 5]
base:
  dts_name: small
  trainer: { max_epochs: ${epochs}, batch_size: 64 }
${more}`,
  )
  return file
}

const resultOf = ({ lines, stderr }: Finished): SweepResult => {
  const parsed = sweepResultSchema.safeParse(lines.at(-1))
  if (!parsed.success) throw new Error(`no result: ${JSON.stringify(lines.at(-1))} ${stderr}`)
  return parsed.data
}

/** However fast or busy this machine is, it is caught in the middle: with four times as much where it had ended before. */
async function caught<T>(first: number, attempt: (size: number) => Promise<T | undefined>): Promise<T> {
  for (const size of [1, 4, 16, 64].map((times) => times * first)) {
    const found = await attempt(size)
    if (found !== undefined) return found
    fs.rmSync(path.join(folder, 'lightning_logs'), { recursive: true })
  }
  throw new Error('never caught in the middle')
}

const checkpoint = (dir: string): Buffer => fs.readFileSync(path.join(dir, 'checkpoints', 'last.safetensors'))
const runFolders = (): string[] =>
  fs.readdirSync(path.join(folder, 'lightning_logs', 'rates')).filter((name) => /^t\d/.test(name))

it('a dry run trains something, or counts otherwise than the sweep', async () => {
  const file = write(3)
  const dry = resultOf(await delta(folder, 'sweep', file, '--dry-run', '--json'))
  expect(dry).toMatchObject({ status: 'planned', dir: null, best: null })
  expect(dry.trials).toHaveLength(12)
  expect(dry.trials.every(({ status, metric }) => status === 'planned' && metric === null)).toBe(true)
  expect(dry.seconds).toBeGreaterThan(0)
  expect(fs.existsSync(path.join(folder, 'lightning_logs'))).toBe(false)
  const { stdout } = await delta(folder, 'sweep', file, '--dry-run')
  expect(stdout).toContain('rates: 6 points × 2 seeds = 12 trials by grid')
})

it('a sweep leaves no runs, no tags, another best, or runs that their own commands do not train', async () => {
  const done = await delta(folder, 'sweep', write(4), '--json')
  expect(done.code).toBe(0)
  const { trials, best, status, ranking } = resultOf(done)
  expect(status).toBe('finished')
  expect(trials.map(({ status: own }) => own)).toEqual(Array<string>(12).fill('finished'))
  const means = ranking.map(({ metric }) => metric)
  expect(means).toEqual([...means].sort((a, b) => a - b))
  const own = trials.filter(({ point }) => point === best?.point).map(({ metric }) => metric!)
  expect(best?.metric).toBeCloseTo((own[0]! + own[1]!) / 2, 12)
  const listed = await delta(folder, 'runs', 'list', '--json')
  const runs: unknown = listed.lines.at(-1)?.['runs']
  expect(Array.isArray(runs) && runs.map((run) => Reflect.get(Object(run), 'id')).sort()).toEqual(
    trials.map(({ runId }) => runId).sort(),
  )
  const last = trials.at(-1)!
  expect(JSON.parse(fs.readFileSync(path.join(last.dir!, 'annotations.json'), 'utf8'))).toMatchObject({
    tags: ['sweep:rates'],
  })
  const { command } = runRecordSchema.parse(JSON.parse(fs.readFileSync(path.join(last.dir!, 'run.json'), 'utf8')))
  const args = command
    .slice(command.indexOf('train '))
    .split(' ')
    .map((word) => word.replaceAll("'", ''))
  const alone = await delta(folder, ...args, '--exp_name', 'alone', '--json')
  expect(alone.code, alone.stderr).toBe(0)
  const dir = String(alone.lines.at(-1)!['dir'])
  expect(checkpoint(dir).equals(checkpoint(last.dir!))).toBe(true)
  // Of twelve runs these are the work of other threads.
  for (const file of ['evaluation/dev.json', 'evaluation/test.json', 'predictions/test.parquet'])
    expect(fs.readFileSync(path.join(dir, file)).equals(fs.readFileSync(path.join(last.dir!, file))), file).toBe(true)
})

/** Sweeps that nobody disturbs, by their epochs. */
const wholes = new Map<number, SweepResult>()
const elsewhere: string[] = []
afterAll(() => elsewhere.forEach((one) => fs.rmSync(one, { recursive: true })))
async function undisturbed(epochs: number): Promise<SweepResult> {
  const known = wholes.get(epochs)
  if (known) return known
  const place = workspace()
  elsewhere.push(place)
  const whole = resultOf(await delta(place, 'sweep', write(epochs), '--json'))
  wholes.set(epochs, whole)
  return whole
}

it.each(['SIGKILL of all', 'SIGKILL of the command', 'SIGINT'] as const)(
  '%s loses a trial, counts one twice, or changes a result',
  async (how) => {
    const whole = await caught(400, async (epochs) => {
      const { child, done } = start(folder, ['sweep', write(epochs)])
      // Figures of a trial are on disk: it is in the middle.
      const metrics = path.join(folder, 'lightning_logs', 'rates', 't005-s2', 'metrics.jsonl')
      await expect
        .poll(() => fs.existsSync(metrics) && fs.readFileSync(metrics, 'utf8').split('\n').length, { interval: 5 })
        .toBeGreaterThan(20)
      if (child.exitCode === null)
        process.kill(how === 'SIGKILL of all' ? -child.pid! : child.pid!, how === 'SIGINT' ? 'SIGINT' : 'SIGKILL')
      const { code, stdout, signal } = await done
      if (code === 0) return undefined
      if (how === 'SIGINT') {
        expect(code).toBe(130)
        expect(stdout).toContain('--resume')
      } else expect(signal).toBe('SIGKILL')
      return undisturbed(epochs)
    })
    const again = await delta(folder, 'sweep', '--resume', 'rates', '--json')
    expect(again.code, again.stderr).toBe(0)
    const { trials, best, status } = resultOf(again)
    expect(status).toBe('finished')
    expect(trials.map(({ trial, status: own }) => `${trial} ${own}`)).toEqual(
      whole.trials.map(({ trial }) => `${trial} finished`),
    )
    expect(runFolders()).toHaveLength(12)
    expect(new Set(trials.map(({ runId }) => runId)).size).toBe(12)
    for (const [i, { dir }] of trials.entries())
      expect(checkpoint(dir!).equals(checkpoint(whole.trials[i]!.dir!)), String(i)).toBe(true)
    expect(best).toEqual(whole.best)
  },
)

it('a trial that fails ends the sweep, or its error is lost', async () => {
  const file = write(3)
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('[0.01, 0.02]', '[0.01, 1.0e+30]'))
  const done = await delta(folder, 'sweep', file, '--json')
  expect(done.code).toBe(0)
  const { trials, best } = resultOf(done)
  const [good, bad] = [trials.slice(0, 6), trials.slice(6)]
  expect(good.every(({ status, metric }) => status === 'finished' && metric !== null)).toBe(true)
  for (const { status, metric, error } of bad) {
    expect(status).toBe('failed')
    expect(metric).toBeNull()
    expect(error?.message).toContain('The loss became')
  }
  expect(best?.parameters['trainer.learning_rate']).toBe(0.01)
  expect(done.stderr).toContain('Trial 6 failed')
})

it('data that nothing can be trained on is told once for each trial, or leaves failed trials behind', async () => {
  const file = write(3)
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('dts_name: small', 'dts_name: absent'))
  const done = await delta(folder, 'sweep', file, '--json')
  expect(done.code).toBe(2)
  expect(done.lines.at(-1)).toMatchObject({ type: 'error' })
  expect(done.lines.filter(({ type }) => type === 'trial')).toEqual([])
})

it('trials cannot be added, or other parameters slip in when a sweep goes on', async () => {
  await delta(folder, 'sweep', write(2, 'budget: { trials: 4 }\n'), '--json')
  const kept = path.join(folder, 'lightning_logs', 'rates', 'sweep.yaml')
  const text = fs.readFileSync(kept, 'utf8')
  fs.writeFileSync(kept, text.replace('trials: 4', 'trials: 8'))
  const more = resultOf(await delta(folder, 'sweep', '--resume', 'rates', '--json'))
  expect(more.trials).toHaveLength(8)
  const most = resultOf(await delta(folder, 'sweep', '--resume', 'rates', '--trials', '10', '--json'))
  expect(most.trials).toHaveLength(10)
  expect(fs.readFileSync(kept, 'utf8')).toContain('budget: { trials: 10 }')
  for (const args of [
    ['--resume', 'rates', '--trials', '10'],
    ['--resume', 'rates', '--trials', 'x'],
    ['rates.yaml', '--trials', '9'],
  ])
    expect((await delta(folder, 'sweep', ...args)).code, args.join(' ')).toBe(2)
  fs.writeFileSync(kept, text.replace('[2, 3, 5]', '[2, 4]'))
  const refused = await delta(folder, 'sweep', '--resume', 'rates', '--json')
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('`parameters` is no longer what the sweep rates began with')
})

it('halving trains as long as the grid', async () => {
  const file = write(9, 'budget: { trials: 12 }\noptions: { min_epochs: 1, reduction: 3 }\n')
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('method: grid', 'method: asha'))
  const { trials } = resultOf(await delta(folder, 'sweep', file, '--json'))
  const epochs = trials.map(({ epochs: own }) => own!).sort((a, b) => a - b)
  // All 12 at 1 epoch, 4 of them go on to 3, and 1 of those to the end.
  expect(epochs).toEqual([...Array<number>(8).fill(1), 3, 3, 3, 9])
  expect(trials.filter(({ status }) => status === 'halved')).toHaveLength(11)
})

it('a stored profile is not found by its name, or is read otherwise than its file', async () => {
  const file = write(3)
  const home = path.join(folder, 'home')
  fs.mkdirSync(path.join(home, 'clusters'), { recursive: true })
  fs.writeFileSync(path.join(home, 'clusters', 'mine.yaml'), 'launcher: slurm\ncpus: none\n')
  const at = async (name: string): Promise<Finished> =>
    delta(folder, 'sweep', file, '--dry-run', '--cluster', name, '--data-dir', home)
  const stored = await at('mine')
  expect([stored.code, stored.stderr]).toEqual([2, expect.stringContaining('mine.yaml is no cluster')])
  expect((await at('other')).stderr).toContain('other')
  // A file of that name in the working folder comes first.
  fs.writeFileSync(path.join(folder, 'mine'), 'launcher: slurm\n')
  expect((await at('mine')).code).toBe(0)
})

it('a budget of minutes trains on when they are over, or loses what was learned in them', async () => {
  const { trials, status } = await caught(0.04, async (minutes) => {
    const done = await delta(folder, 'sweep', write(10_000_000, `budget: { minutes: ${minutes} }\n`), '--json')
    expect(done.code).toBe(130)
    const result = resultOf(done)
    expect(result.seconds).toBeGreaterThanOrEqual(60 * minutes)
    // A busy machine may have needed all of it to begin.
    return result.trials.every(({ epochs }) => (epochs ?? 0) > 0) ? result : undefined
  })
  expect(status).toBe('stopped')
  expect(trials.map((trial) => trial.status)).toEqual(Array<string>(12).fill('stopped'))
})

it('trials that were halved are told, or in the history, only when all end; a kill takes them back, or they are trained again', async () => {
  const { done, early, before } = await caught(500, async (most) => {
    const file = write(most, 'budget: { trials: 12 }\noptions: { min_epochs: 20, reduction: 3 }\n')
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('method: grid', 'method: asha'))
    const first = start(folder, ['sweep', file, '--json'])
    await first.line('trial')
    const running = runFolders().flatMap((name) => {
      const record = readRecord(path.join(folder, 'lightning_logs', 'rates', name))
      return record?.status === 'running' ? [record] : []
    })
    const told = first.lines().filter(({ type }) => type === 'trial')
    const store = openStore({ dir: path.join(folder, 'history') })
    const known = told.map(({ runId }) => store.runs.get(String(runId)))
    const claimed = new QueueTable(store).active().map(({ id }) => id)
    store.close()
    if (running[0] && first.child.exitCode === null) process.kill(running[0].pid, 'SIGKILL')
    const ended = told.map(({ dir }) => readRecord(String(dir)))
    const finished = await first.done
    if (finished.stderr === '') return undefined
    expect(told.map(({ status }) => status)).toEqual(told.map(() => 'halved'))
    expect(known.map(({ status, owner_pid }) => [status, owner_pid])).toEqual(told.map(() => ['finished', null]))
    for (const { runId } of told) expect(claimed).not.toContain(runId)
    return { done: finished, early: told, before: ended }
  })
  expect(done.code, done.stderr).toBe(0)
  const lines = done.lines.filter(({ type }) => type === 'trial')
  for (const { trial } of early) expect(lines.filter((one) => one['trial'] === trial)).toHaveLength(1)
  expect(early.map(({ dir }) => readRecord(String(dir)))).toEqual(before)
  const store = openStore({ dir: path.join(folder, 'history') })
  for (const { runId, status, epochs } of resultOf(done).trials) {
    expect(['finished', 'halved']).toContain(status)
    const row = store.runs.get(runId!)
    expect([row.status, store.runs.epochs(row.key)]).toEqual(['finished', epochs])
    expect(Object.keys(store.results.counts(row.key))).toEqual(['dev', 'test'])
  }
  store.close()
})

it('a trial whose checkpoint is damaged is tried again for ever', async () => {
  const { trials } = resultOf(await delta(folder, 'sweep', write(3, 'budget: { trials: 4 }\n'), '--json'))
  const dir = trials[1]!.dir!
  writeRecord(dir, { ...readRecord(dir)!, status: 'stopped' })
  fs.writeFileSync(path.join(dir, 'checkpoints', 'last.safetensors'), 'no checkpoint')
  const again = await delta(folder, 'sweep', '--resume', 'rates', '--json')
  expect(again.stderr).toContain('Trial 1 cannot go on')
  expect(resultOf(again).trials.map(({ status }) => status)).toEqual(['finished', 'stopped', 'finished', 'finished'])
})

it('an engine that dies during halving loses a trial, or gives it more epochs than its rungs', async () => {
  const { done, rungs } = await caught(500, async (most) => {
    const file = write(most, 'budget: { trials: 12 }\noptions: { min_epochs: 20, reduction: 3 }\n')
    fs.writeFileSync(
      file,
      fs
        .readFileSync(file, 'utf8')
        .replace('method: grid', 'method: asha')
        .replace('batch_size: 64', `batch_size: 64, patience: ${most}`),
    )
    const first = start(folder, ['sweep', file, '--json'])
    const dir = path.join(folder, 'lightning_logs', 'rates')
    const records = (): { dir: string; status: string; pid: number }[] =>
      fs.existsSync(dir)
        ? runFolders().flatMap((name) => {
            const record = readRecord(path.join(dir, name))
            return record ? [{ dir: path.join(dir, name), status: record.status, pid: record.pid }] : []
          })
        : []
    // Some are halved, and others are past the second rung.
    await expect
      .poll(
        () => {
          const metrics = records().map((run) => path.join(run.dir, 'metrics.jsonl'))
          const longest = Math.max(
            0,
            ...metrics.map((one) => (fs.existsSync(one) ? fs.readFileSync(one, 'utf8').split('\n').length : 0)),
          )
          return longest > 100 && records().some(({ status }) => status === 'finished')
        },
        { interval: 5 },
      )
      .toBe(true)
    const engine = records().find(({ status }) => status === 'running')
    if (engine && first.child.exitCode === null) process.kill(engine.pid, 'SIGKILL')
    const done = await first.done
    const rungs = [20, 60, 180, 540, 1620, 4860, 14580].filter((rung) => rung < most)
    return done.stderr === '' ? undefined : { done, rungs: [...rungs, most] }
  })
  expect(done.code, done.stderr).toBe(0)
  expect(done.stderr).toContain('go on in halves')
  const { trials } = resultOf(done)
  expect(trials.filter(({ status }) => status !== 'finished' && status !== 'halved')).toEqual([])
  expect(runFolders()).toHaveLength(12)
  for (const { epochs, status } of trials) {
    expect(rungs).toContain(epochs)
    expect(status).toBe(epochs === rungs.at(-1) ? 'finished' : 'halved')
  }
  expect(trials.some(({ status }) => status === 'finished')).toBe(true)
  expect(trials.filter(({ epochs }) => (epochs ?? 0) > 20).length).toBeLessThanOrEqual(8)
})
