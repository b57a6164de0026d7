import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { metricBatchSchema } from '../shared/domain/metric'
import { runRecordSchema, runResultSchema, type RunRecord } from '../shared/domain/run'
import { seedsResultSchema } from '../shared/domain/seeds'
import { environmentSchema } from '../core/reproduce/environment'
import { openStore } from '../core/store/openStore'
import { buildCli, workspace } from '../core/testing/workspace'
import { CLI, delta, start, type Finished, type Running } from './testing/builtCli'

let cwd: string
beforeAll(() => {
  buildCli()
  cwd = workspace()
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

const small = ['train', '--dts_name', 'small']
const ofRun = (name: string, ...more: string[]): string[] => [...small, '--exp_name', name, ...more]
const endless = (name: string): string[] => ofRun(name, '--max_epochs', '10000000', '--json')
const folder = (name: string, version = 'v0'): string => path.join(cwd, 'lightning_logs', name, version)
const read = (...parts: string[]): Buffer => fs.readFileSync(path.join(...parts))
const record = (dir: string): RunRecord => runRecordSchema.parse(JSON.parse(read(dir, 'run.json').toString()))
const epochs = (dir: string): unknown[] =>
  read(dir, 'metrics.jsonl')
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => ({ ...metricBatchSchema.parse(JSON.parse(line)), time: 0 }))

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const gone = (pid: number): Promise<void> => expect.poll(() => isAlive(pid)).toBe(false)

describe('a run', () => {
  let json: Finished
  beforeAll(async () => {
    json = await delta(cwd, ...ofRun('first', '--seed', '3', '--json'))
  })

  test('with --json prints something else on stdout, or ends without a result', () => {
    expect(json).toMatchObject({ code: 0, stderr: '' })
    expect(json.lines).toHaveLength(json.stdout.trimEnd().split('\n').length)
    expect(json.lines.map(({ type }) => type).filter((type) => type !== 'log')).toEqual([
      'started',
      ...Array<string>(4).fill('metrics'),
      'result',
    ])
    expect(json.lines.at(-1)).toMatchObject({
      type: 'result',
      status: 'finished',
      dir: folder('first'),
      epochs: 3,
      steps: 15,
    })
    for (const field of [
      'runId',
      'test_acc',
      'test_loss',
      'val_loss',
      'seconds',
      'ms_per_epoch',
      'peak_rss_bytes',
      'backend',
      'threads',
    ])
      expect(json.lines.at(-1)).toHaveProperty(field)
    expect(json.lines.every((line) => !('v' in line))).toBe(true)
  })

  test('leaves out a file, or files that disagree', () => {
    const dir = folder('first')
    const { result, ...run } = record(dir)
    expect(run).toMatchObject({
      status: 'finished',
      exp_name: 'first',
      exp_version: 'v0',
      dts_name: 'small',
      warnings: [],
    })
    expect(runResultSchema.parse(json.lines.at(-1))).toEqual(result)
    expect(epochs(dir).map((batch) => metricBatchSchema.parse(batch).epoch)).toEqual([0, 1, 2, 3])
    const files = fs.readdirSync(dir, { recursive: true }).map(String)
    expect(files.filter((name) => !name.startsWith('events.')).sort()).toEqual(
      expect.arrayContaining([
        'hparams.yaml',
        'metrics.jsonl',
        'run.json',
        'run.log',
        ...['best.json', 'best.safetensors', 'last.json', 'last.safetensors'].map((name) =>
          path.join('checkpoints', name),
        ),
        ...['dev.parquet', 'test.parquet'].map((name) => path.join('predictions', name)),
      ]),
    )
    expect(files.filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('with the same seed gives other bytes, or with another seed the same', async () => {
    const [same, other] = await Promise.all([
      delta(cwd, ...ofRun('first', '--seed', '3')),
      delta(cwd, ...ofRun('other', '--seed', '4')),
    ])
    expect([same.code, other.code]).toEqual([0, 0])
    const again = folder('first', 'v0-2')
    for (const name of ['best.safetensors', 'last.safetensors', 'best.json', 'last.json'])
      expect(read(again, 'checkpoints', name).equals(read(folder('first'), 'checkpoints', name)), name).toBe(true)
    for (const name of ['dev.parquet', 'test.parquet'])
      expect(read(again, 'predictions', name).equals(read(folder('first'), 'predictions', name)), name).toBe(true)
    for (const name of ['dev.json', 'test.json'])
      expect(read(again, 'evaluation', name).equals(read(folder('first'), 'evaluation', name)), name).toBe(true)
    expect(epochs(again)).toEqual(epochs(folder('first')))
    expect(epochs(folder('other'))).not.toEqual(epochs(again))
  })

  test('for people ends without its figures, its folder, or a zero exit code', async () => {
    const { code, stdout, stderr } = await delta(cwd, ...ofRun('people'))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Training on 160 pairs of 6 users, .* parameters → lightning_logs\/people\/v0$/m)
    expect(stdout).toMatch(/^epoch 3\/3 {2}train_loss 0\.\d{4} .*val_loss 0\.\d{4}/m)
    expect(stdout).toMatch(/^Done: 3 epochs in .* s, best epoch \d$/m)
    expect(stdout).toMatch(/^ {2}test +acc \d+\.\d % {2}loss 0\.\d{4}/m)
    expect(stdout).not.toMatch(/undefined|NaN|\u001b/)
  })

  test('two of them that start at once share a folder', async () => {
    const both = await Promise.all([1, 2].map(() => delta(cwd, ...ofRun('both', '--max_epochs', '1', '--json'))))
    const dirs = both.map(({ lines }) => String(lines.at(-1)?.['dir']))
    expect(dirs.sort()).toEqual([folder('both'), folder('both', 'v0-2')])
  })

  test('several processes that write at once lose a run, a curve or an end in the history', async () => {
    const done = await Promise.all(
      Array.from({ length: 4 }, (_, i) => delta(cwd, ...ofRun(`writer${i}`, '--max_epochs', '40', '--json'))),
    )
    expect(done.map(({ code, stderr }) => [code, stderr])).toEqual(done.map(() => [0, '']))
    const store = openStore({ dir: path.join(cwd, 'history') })
    onTestFinished(() => store.close())
    for (const { lines } of done) {
      const id = String(lines.at(-1)?.['runId'])
      const { series } = store.history.query({ runs: [id], metrics: ['train_loss'], buckets: 1_000 })
      const measured = lines.flatMap(({ batch }) => metricBatchSchema.safeParse(batch).data?.values['train_loss'] ?? [])
      expect(series[0]?.y).toEqual(measured)
      expect(measured).toHaveLength(40)
      expect(store.runs.transitions(id).map(({ to }) => to)).toEqual(['running', 'finished'])
    }
  })

  test('a history that cannot be written fails the run, or is passed over in silence', async () => {
    fs.writeFileSync(path.join(cwd, 'a-file'), '')
    const done = await start(cwd, ofRun('nohistory', '--json'), { DELTA_HOME: path.join(cwd, 'a-file') }).done
    expect(done.code).toBe(0)
    expect(done.stderr).toMatch(/^Warning: The history misses this run for now: .*a-file/)
    expect(record(folder('nohistory')).status).toBe('finished')
  })

  test.skipIf(process.platform === 'win32')('cannot be repeated by the command in its record', async () => {
    const odd = path.join(cwd, "it's $HOME")
    await delta(cwd, ...ofRun('repeat', '--max_epochs', '1', '--log_dir', odd, '--set', 'trainer.betas=[0.8, 0.9]'))
    const { command } = record(path.join(odd, 'repeat', 'v0'))
    await new Promise((resolve, reject) =>
      execFile('sh', ['-c', command.replace('npx delta', `'${process.execPath}' '${CLI}'`)], { cwd }, (error) =>
        error ? reject(error) : resolve(undefined),
      ),
    )
    const weights = (version: string): Buffer => read(odd, 'repeat', version, 'checkpoints', 'last.safetensors')
    expect(weights('v0-2').equals(weights('v0'))).toBe(true)
  })
})

describe('bad input', () => {
  // Once: the cases run side by side, and one would read what another has just emptied.
  beforeAll(() => fs.writeFileSync(path.join(cwd, 'bad.yaml'), 'trainer:\n  seed: 1\n  batchsize: 3\n'))
  test.concurrent.for<[string, number, RegExp]>([
    ['--dts_nme small', 2, /unknown option '--dts_nme'\n.*--dts_name|--dts_name is missing/],
    ['--dts_name small --batchsize 3', 2, /unknown option '--batchsize'\n\(Did you mean --batch_size\?\)/],
    ['--dts_name smal', 2, /no data set "smal"\. Did you mean "small"\?/],
    ['--dts_name small --config_file no.yaml', 2, /There is no file .*no\.yaml/],
    ['--dts_name small --config_file bad.yaml', 2, /line 3.*batchsize.*Did you mean "batch_size"|bad\.yaml:3/s],
    ['--dts_name small --batch_size -5', 2, /--batch_size must be more than 0, not -5/],
    ['--dts_name small --max_epochs 0', 2, /--max_epochs must be more than 0, not 0/],
    ['--dts_name small --seed abc', 2, /--seed must be a number, not "abc"/],
    ['--dts_name small --learning_rate nan', 2, /--learning_rate must be a number, not "nan"/],
    ['--dts_name small --features usr_a', 2, /no user feature "usr_a".*Did you mean "user_a"/],
    ['--dts_name absent', 2, /gone\.jsonl/],
    ['--dts_name broken', 2, /999[^]*u_id|u_id[^]*999/],
    ['--dts_name small --log_dir configs/exp_config.yaml', 3, /cannot be made: it is a file/],
    ['--dts_name small --learning_rate 1e38 --set caimira.r_temperature=1e-30', 3, /loss became .*learning.?rate/i],
  ])('%s is accepted, or explained badly', async ([given, code, message], { expect }) => {
    const done = await delta(cwd, 'train', ...given.split(' '), '--exp_name', 'bad', '--json')
    expect(done.stderr).toMatch(message)
    expect(done.code).toBe(code)
    // The last line tells a script the same.
    expect(done.lines.at(-1)).toMatchObject({ type: 'error', code: expect.any(String), message: expect.any(String) })
    expect(done.stderr).not.toMatch(/\n\s+at .*:\d+:\d+\)?\n/)
  })

  test('a flag or data that is refused leaves a run behind', () => {
    const left = fs.existsSync(folder('bad')) ? fs.readdirSync(path.dirname(folder('bad'))) : []
    expect(left.map((version) => record(folder('bad', version)).status)).toEqual(left.map(() => 'failed'))
    expect(left.length).toBeLessThanOrEqual(1)
  })
})

describe.skipIf(process.platform === 'win32')('a signal', () => {
  async function training(name: string): Promise<Running & { dir: string; pid: number }> {
    const run = start(cwd, endless(name))
    const { dir } = await run.line('started')
    await run.line('metrics')
    return { ...run, dir: String(dir), pid: record(String(dir)).pid }
  }
  const stoppedWell = (done: Finished, dir: string): void => {
    expect(done).toMatchObject({ code: 130, signal: null })
    expect(done.lines.at(-1)).toMatchObject({ type: 'result', status: 'stopped' })
    expect(record(dir)).toMatchObject({ status: 'stopped', reason: expect.stringContaining('stopped') })
    expect(read(dir, 'checkpoints', 'last.safetensors').length).toBeGreaterThan(8)
    expect(done.stderr).toContain('Press Ctrl-C again')
  }

  test('Ctrl-C, which reaches the whole process group, kills the engine before it has saved', async () => {
    const { child, done, dir } = await training('group')
    process.kill(-child.pid!, 'SIGINT')
    stoppedWell(await done, dir)
  })

  test.for(['SIGINT', 'SIGTERM'] as const)('%s to the parent alone does not reach the engine', async (signal) => {
    const { child, done, dir } = await training(`alone_${signal}`)
    child.kill(signal)
    // npm passes on what the terminal already sent: the same press twice is no second press.
    child.kill(signal)
    stoppedWell(await done, dir)
  })

  test('a second Ctrl-C is ignored, or the engine lives on', async () => {
    const { child, done, pid } = await training('second')
    process.kill(pid, 'SIGSTOP')
    // Signals that come together are the same press: one is sent until another than the first has come.
    const presses = setInterval(() => child.kill('SIGINT'), 500)
    child.kill('SIGINT')
    const { code, lines } = await done
    clearInterval(presses)
    expect(code).toBe(130)
    // Waited for to the end, the engine that does not stop would be told of.
    expect(lines.map(({ type }) => type)).not.toContain('error')
    process.kill(pid, 'SIGCONT')
    await gone(pid)
  })

  test('an engine that is killed takes its parent along, or is called finished', async () => {
    const { done, pid } = await training('engine')
    process.kill(pid, 'SIGKILL')
    const { code, stderr, lines } = await done
    expect(code).toBe(3)
    expect(stderr).toMatch(/The engine was killed \(SIGKILL\) before it had finished/)
    expect(lines.at(-1)).toMatchObject({ type: 'error', code: 'engine_crashed' })
  })

  test('a parent that is killed leaves an engine that trains for ever, or a run that reads "running"', async () => {
    const { child, done, pid, dir } = await training('parent')
    child.kill('SIGKILL')
    await done
    await gone(pid)
    expect(record(dir).status).not.toBe('running')
    expect(read(dir, 'checkpoints', 'last.safetensors').length).toBeGreaterThan(8)
  })

  test('a reader that goes away (| head) shows a stack trace, or lets the run go on for ever', async () => {
    const { child, done, pid, dir } = await training('head')
    child.stdout!.destroy()
    const { stderr } = await done
    expect(stderr).not.toMatch(/EPIPE|\n\s+at /)
    await gone(pid)
    expect(record(dir).status).toBe('stopped')
  })

  test.skipIf(process.platform !== 'linux')(
    'a command line that is killed before it has asked for anything, or is wrong, leaves the engine that it has started',
    async () => {
      const children = (pid: number): number[] => {
        try {
          return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
        } catch {
          return []
        }
      }
      for (const kill of [true, false]) {
        const { child, done } = start(cwd, ['train', '--dts_name', 'absent'])
        let engines: number[] = []
        await expect.poll(() => (engines = children(child.pid!)).length > 0 || child.exitCode !== null).toBe(true)
        if (kill) child.kill('SIGKILL')
        await done
        await Promise.all(engines.map(gone))
      }
    },
  )
})

test('the end of a seed is not told by itself, or told otherwise than in the result', async () => {
  const { code, lines } = await delta(cwd, ...ofRun('ends', '--seeds', '4,5', '--json'))
  expect(code).toBe(0)
  const ends = lines.flatMap(({ type, seed, result }) =>
    type === 'ended' ? [{ seed, ...runResultSchema.parse(result) }] : [],
  )
  const { runs } = seedsResultSchema.parse(lines.at(-1))
  expect(ends).toHaveLength(2)
  expect(ends).toEqual(expect.arrayContaining(runs))
})

test('runs of several seeds do not say what they ran on, so that nothing can be compared on the same pairs', async () => {
  const { code } = await delta(cwd, ...ofRun('seeded', '--seeds', '4,5', '--set', 'trainer.data_seed=9'))
  expect(code).toBe(0)
  const [four, five] = ['v0-s4', 'v0-s5'].map((version) =>
    environmentSchema.parse(JSON.parse(read(folder('seeded', version), 'environment.json').toString())),
  )
  expect(four).toMatchObject({ seed: 4, data_seed: 9, files: { 'test.df_file': { sha256: expect.any(String) } } })
  expect(five).toEqual({ ...four, seed: 5 })
  const alone = await delta(cwd, ...ofRun('seeded', '--n_dim', '2', '--exp_version', 'alone'))
  expect(alone.code).toBe(0)
  const compared = await delta(cwd, 'runs', 'compare', 'seeded/v0-s4', 'seeded/alone', '--test', 'test', '--json')
  expect(compared.lines.at(-1)).toMatchObject({ paired: { comparisons: 1, others: [{ pairs: 40 }] } })
})
