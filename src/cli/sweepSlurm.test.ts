import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sweepResultSchema, type SweepResult } from '../shared/domain/sweep'
import { readRecord } from '../core/service/recordFile'
import { buildCli, workspace } from '../core/testing/workspace'
import { delta, start, type Finished, type Running } from './testing/builtCli'
import { TestSlurm, noSlurm } from './testing/slurm'
import { noSsh, startSsh } from './testing/sshServer'

if (noSlurm !== undefined) process.stdout.write(`Sweeps on Slurm are not tested: ${noSlurm}\n`)
/** Those that wait for Slurm's own limits, minutes in all, are for `npm run test:faults`. */
const allFaults = process.env['DELTA_FAULT_ROUNDS'] !== undefined
if (allFaults && noSsh !== undefined) process.stdout.write(`Sweeps over ssh are not tested: ${noSsh}\n`)

let slurm: TestSlurm
let folder: string

/** Of Slurm's daemons, on a machine that has other things to do. */
const SETTLE_MS = 120_000

function write(epochs: number, profile = ''): void {
  fs.writeFileSync(
    path.join(folder, 'rates.yaml'),
    `method: grid
seeds: 1..2
parameters:
  trainer.learning_rate: [0.01, 0.02]
  caimira.n_dim: [3]
base:
  dts_name: small
  trainer: { max_epochs: ${epochs}, batch_size: 64 }
`,
  )
  fs.writeFileSync(
    path.join(folder, 'cluster.yaml'),
    `launcher: slurm\n${profile.includes('memory') ? '' : 'memory: 400M\n'}${profile.includes('poll_seconds') ? '' : 'poll_seconds: 0.3\n'}${profile}`,
  )
}

const sweepOf = (): string => path.join(folder, 'lightning_logs', 'rates')
const arguments_ = ['sweep', 'rates.yaml', '--cluster', 'cluster.yaml', '--json']
const begin = (): Running => start(folder, arguments_, slurm.env)
const goOn = (): Promise<Finished> => start(folder, ['sweep', '--resume', 'rates', '--json'], slurm.env).done

const resultOf = ({ lines, stderr }: Finished): SweepResult => {
  const parsed = sweepResultSchema.safeParse(lines.at(-1))
  if (!parsed.success) throw new Error(`no result: ${JSON.stringify(lines.at(-1))} ${stderr}`)
  return parsed.data
}

interface Handed {
  token: string
  trials: number[]
  tasks: { trial: number; rung?: number }[]
}
/** What was handed over, by its own log. */
const batches = (): Handed[] =>
  fs
    .readFileSync(path.join(sweepOf(), 'batches.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"tasks"'))
    .map((line) => {
      const { token, tasks }: Pick<Handed, 'token' | 'tasks'> = JSON.parse(line)
      return { token, tasks, trials: tasks.map(({ trial }) => trial) }
    })

const metricsOf = (version: string): number => {
  const file = path.join(sweepOf(), version, 'metrics.jsonl')
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').length : 0
}

/** Some trial is in the middle of its training. */
const underWay = (version = 't000-s1', epochs = 20): Promise<void> =>
  expect.poll(() => metricsOf(version), { timeout: SETTLE_MS, interval: 20 }).toBeGreaterThan(epochs)

/** Process of the engine of a run. */
const engineOf = (version: string): number => readRecord(path.join(sweepOf(), version))!.pid

const bytes = (dir: string): Buffer => fs.readFileSync(path.join(dir, 'checkpoints', 'last.safetensors'))

/** Every trial is finished, there is one run of each, and each is to the bit what it is when this machine trains it undisturbed. */
async function expectWhole(done: Finished): Promise<void> {
  expect(done.code, done.stderr).toBe(0)
  const { trials, status } = resultOf(done)
  expect(status).toBe('finished')
  expect(trials.map(({ status: own, error }) => error?.message ?? own)).toEqual(Array<string>(4).fill('finished'))
  expect(fs.readdirSync(sweepOf()).filter((name) => /^t\d/.test(name))).toHaveLength(4)
  expect(new Set(trials.map(({ runId }) => runId)).size).toBe(4)
  const whole = resultOf(await delta(folder, 'sweep', 'rates.yaml', '--json', '--log_dir', 'undisturbed'))
  for (const [i, { dir }] of trials.entries())
    expect(bytes(dir!).equals(bytes(whole.trials[i]!.dir!)), String(i)).toBe(true)
}

/** Rungs at a third and two thirds of the epochs: a trial is under way for a while at each. */
const RUNGS = [1500, 3000]
const MOST = 4500
function writeHalving(method = 'asha', profile = ''): void {
  write(MOST, profile)
  const text = `method: ${method}
parameters: { trainer.learning_rate: { min: 0.001, max: 0.05, scale: log } }
base: { dts_name: small, caimira: { n_dim: 3 }, trainer: { max_epochs: ${MOST}, batch_size: 64, patience: 9999 } }
budget: { trials: 4 }
`
  const options = `options: { min_epochs: ${RUNGS[0]}, reduction: 2 }\n`
  fs.writeFileSync(path.join(folder, 'rates.yaml'), method === 'asha' ? text + options : text)
}

/** The first trial that goes on from a rung, when it is in the middle of the way to the next. */
async function promotedTrial(): Promise<string> {
  const goesOn = (): number | undefined =>
    batches()
      .flatMap(({ tasks }) => tasks)
      .find(({ rung }) => rung !== RUNGS[0])?.trial
  await expect.poll(goesOn).toBeDefined()
  const version = `t00${goesOn()}-s0`
  await underWay(version, RUNGS[0]! + 20)
  return version
}

/** Every trial ended at a rung or at its end; those that came to the end are to the bit what they are when nobody is halved. */
async function expectHalved(done: Finished): Promise<void> {
  expect(done.code, done.stderr).toBe(0)
  const { trials, status } = resultOf(done)
  expect(status).toBe('finished')
  expect(fs.readdirSync(sweepOf()).filter((name) => /^t\d/.test(name))).toHaveLength(4)
  for (const one of trials) {
    const ends: (number | undefined)[] = one.status === 'halved' ? RUNGS : [MOST]
    expect(['halved', 'finished'], one.error?.message).toContain(one.status)
    expect(ends).toContain(one.epochs)
    const figures = readRecord(one.dir!)?.result
    expect(figures).toMatchObject({ status: 'finished', val_loss: one.metric })
    expect(figures).toHaveProperty('test_acc')
  }
  // Whoever comes to a rung first goes on, and not all do.
  expect(new Set(trials.map((one) => one.status)).size).toBe(2)
  writeHalving('random')
  const whole = resultOf(await delta(folder, 'sweep', 'rates.yaml', '--json', '--log_dir', 'undisturbed'))
  for (const [i, one] of trials.entries())
    if (one.status === 'finished') expect(bytes(one.dir!).equals(bytes(whole.trials[i]!.dir!)), String(i)).toBe(true)
}

describe.skipIf(noSlurm !== undefined)('a sweep on Slurm', () => {
  beforeAll(() => {
    buildCli()
    slurm = new TestSlurm()
    slurm.start()
  })
  afterAll(() => slurm.stop(), SETTLE_MS)
  beforeEach(() => {
    slurm.start()
    folder = workspace()
  })
  afterEach(() => {
    spawnSync('scancel', ['-u', 'root'], { env: { ...process.env, ...slurm.env } })
    fs.rmSync(folder, { recursive: true, force: true })
  })

  it.runIf(allFaults)('trains otherwise than this machine, or leaves its runs without their tag', async () => {
    write(30)
    const done = await begin().done
    await expectWhole(done)
    const annotations = fs.readFileSync(path.join(sweepOf(), 't001-s2', 'annotations.json'), 'utf8')
    expect(JSON.parse(annotations)).toMatchObject({ tags: ['sweep:rates'] })
  })

  it('is handed over twice when the workbench is killed and opened again', async () => {
    write(1500)
    const first = begin()
    await underWay()
    first.child.kill('SIGKILL')
    await first.done
    const done = await goOn()
    await expectWhole(done)
    expect(batches()).toHaveLength(1)
  })

  it.runIf(allFaults)('is cancelled when its terminal or its window is closed while the queue is asked', async () => {
    write(1500, 'poll_seconds: 0.2\n')
    const first = begin()
    await underWay()
    // It asks all the time, so that the signal comes while it does.
    first.child.kill('SIGHUP')
    expect((await first.done).code).toBe(130)
    expect(slurm.run('squeue', '-h', '-r', '-t', 'RUNNING,PENDING').trim().split('\n')).toHaveLength(4)
    await expectWhole(await goOn())
    expect(batches()).toHaveLength(1)
  })

  it.runIf(allFaults)(
    'is handed over twice when the workbench dies before it has written down the number of its job',
    async () => {
      write(1500)
      const first = begin()
      await underWay()
      first.child.kill('SIGKILL')
      await first.done
      const log = path.join(sweepOf(), 'batches.jsonl')
      fs.writeFileSync(log, `${fs.readFileSync(log, 'utf8').split('\n')[0]}\n`)
      await expectWhole(await goOn())
      expect(batches()).toHaveLength(1)
    },
  )

  it.runIf(allFaults)('is worked on by two at once', async () => {
    write(1500)
    const first = begin()
    await underWay()
    const second = await goOn()
    expect(second.code).toBe(2)
    expect(second.stderr).toContain('is being worked on by process')
    await expectWhole(await first.done)
    expect(batches()).toHaveLength(1)
  })

  it('goes on in the queue, or loses what it learned, after Ctrl-C', async () => {
    write(20_000)
    const first = begin()
    await underWay()
    first.child.kill('SIGINT')
    const stopped = await first.done
    expect(stopped.code).toBe(130)
    expect(slurm.run('squeue', '-h')).toBe('')
    const { trials } = resultOf(stopped)
    expect(trials.every(({ status }) => ['planned', 'stopped', 'finished'].includes(status))).toBe(true)
    expect(trials[0]!.status).toBe('stopped')
    expect(bytes(trials[0]!.dir!).length).toBeGreaterThan(0)
    const before = trials[0]!.epochs!
    fs.appendFileSync(path.join(sweepOf(), 'cluster.yaml'), 'throttle: 4\n')
    const again = start(folder, ['sweep', '--resume', 'rates', '--json'], slurm.env)
    // It goes on from its checkpoint, and the epochs before that stay.
    await expect.poll(() => metricsOf('t000-s1')).toBeGreaterThan(before)
    again.child.kill('SIGINT')
    await again.done
    expect(slurm.run('squeue', '-h')).toBe('')
  })

  it.runIf(allFaults)('begins something while it is paused, or does not go on, or ends what runs', async () => {
    write(1500, 'throttle: 2\n')
    const first = begin()
    await underWay()
    const pause = path.join(sweepOf(), '.sweep-pause')
    fs.writeFileSync(pause, 'paused\n')
    const held = (): number =>
      slurm
        .run('squeue', '-h', '-r', '-o', '%r')
        .split('\n')
        .filter((one) => one === 'JobHeldUser').length
    await expect.poll(held, { timeout: 30_000 }).toBe(2)
    // Those that ran go on to their end, and the others stand still.
    await expect.poll(() => slurm.run('squeue', '-h', '-t', 'RUNNING'), { timeout: 120_000, interval: 500 }).toBe('')
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(held()).toBe(2)
    expect(fs.readdirSync(sweepOf()).filter((name) => /^t\d/.test(name))).toHaveLength(2)
    fs.writeFileSync(pause, 'released\n')
    await expectWhole(await first.done)
    expect(batches()).toHaveLength(1)
    expect(fs.existsSync(pause)).toBe(false)
  })

  it.runIf(allFaults)(
    'a task that is killed, and one that cannot begin, take others with them, or end without a reason',
    async () => {
      write(1500)
      const first = begin()
      await underWay()
      process.kill(engineOf('t000-s1'), 'SIGKILL')
      const done = await first.done
      const { trials } = resultOf(done)
      expect(trials[0]!.status).toBe('crashed')
      expect(trials[0]!.error?.message).toMatch(/Slurm: FAILED/)
      expect(trials.slice(1).every(({ status }) => status === 'finished')).toBe(true)
      await expectWhole(await goOn())
    },
  )

  it.runIf(allFaults)(
    'a preamble that fails is told for each trial with its own words, and mended by the next session',
    async () => {
      write(30, 'preamble: |\n  echo "module: there is no torch/9" >&2; exit 3\n')
      const done = await begin().done
      const { trials } = resultOf(done)
      expect(done.code).not.toBe(0)
      for (const { status, error } of trials) {
        expect(status).toBe('failed')
        expect(error?.message).toContain('there is no torch/9')
      }
      write(30)
      fs.copyFileSync(path.join(folder, 'cluster.yaml'), path.join(sweepOf(), 'cluster.yaml'))
      await expectWhole(await goOn())
    },
  )

  it('a partition that does not exist is told once, before anything waits', async () => {
    write(30, 'partition: nowhere\n')
    const done = await begin().done
    expect(done.code).toBe(3)
    expect(done.stderr).toMatch(/sbatch failed: .*[Ii]nvalid partition/)
    expect(done.lines.filter(({ type }) => type === 'trial')).toEqual([])
  })

  describe.runIf(allFaults)('by successive halving', () => {
    const rungsOf = (trial: number): (number | undefined)[] =>
      batches().flatMap(({ tasks }) => tasks.flatMap((task) => (task.trial === trial ? [task.rung] : [])))
    /** Nothing is handed over twice on the way to one rung. */
    const expectOnce = (): void => {
      for (const trial of [0, 1, 2, 3])
        expect(rungsOf(trial)).toEqual([...RUNGS, undefined].slice(0, rungsOf(trial).length))
    }

    it('does not come to its end, or goes on with other runs than it kept', async () => {
      writeHalving()
      await expectHalved(await begin().done)
      expectOnce()
    })

    it('judges nobody, or somebody twice, where the workbench is killed and its trials come to a rung meanwhile', async () => {
      writeHalving()
      const first = begin()
      await underWay('t000-s0')
      first.child.kill('SIGKILL')
      await first.done
      await expect.poll(() => slurm.run('squeue', '-h', '-r', '-t', 'RUNNING,PENDING'), { interval: 500 }).toBe('')
      expect(batches()).toHaveLength(1)
      await expectHalved(await goOn())
      expectOnce()
    })

    it('loses a trial that is killed on its way to a rung, or halves it', async () => {
      writeHalving()
      const first = begin()
      const version = await promotedTrial()
      process.kill(engineOf(version), 'SIGKILL')
      const { trials } = resultOf(await first.done)
      const killed = trials.find(({ dir }) => path.basename(dir!) === version)!
      expect(killed.error?.message).toMatch(/Slurm: FAILED/)
      expect(trials.filter(({ status }) => status === 'crashed')).toEqual([killed])
      await expectHalved(await goOn())
      // It was judged at its first rung once, though it came from there twice.
      expect(rungsOf(killed.trial).slice(0, 3)).toEqual([RUNGS[0], RUNGS[1], RUNGS[1]])
    })

    it('loses a trial with its node on the way to a rung', async () => {
      writeHalving()
      const first = begin()
      const version = await promotedTrial()
      const engine = engineOf(version)
      const trial = Number(version.slice(1, 4))
      const { tasks } = JSON.parse(fs.readFileSync(path.join(sweepOf(), 'queue.json'), 'utf8'))
      const { text } = tasks.find((task: { trial: number }) => task.trial === trial)
      slurm.kill(`slurmd-${/ on (\w+)$/.exec(text)![1]}`)
      process.kill(engine, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 15_000))
      slurm.start()
      await first.done
      await expectHalved(await goOn())
    })

    it('goes on in the queue after Ctrl-C, or judges anew when it goes on', async () => {
      writeHalving()
      const first = begin()
      await promotedTrial()
      first.child.kill('SIGINT')
      const stopped = await first.done
      expect(stopped.code).toBe(130)
      expect(slurm.run('squeue', '-h', '-t', 'RUNNING,PENDING')).toBe('')
      const { trials } = resultOf(stopped)
      for (const { status } of trials) expect(['planned', 'stopped', 'paused', 'halved']).toContain(status)
      const halved = trials.filter(({ status }) => status === 'halved')
      const done = await goOn()
      await expectHalved(done)
      for (const { trial, epochs } of halved)
        expect(resultOf(done).trials[trial]).toMatchObject({ status: 'halved', epochs })
    })
  })

  describe.skipIf(noSsh !== undefined || !allFaults)('over ssh, to a place that shares no folder', () => {
    let ssh: Awaited<ReturnType<typeof startSsh>>
    /** Slurm's commands there find its configuration as a site's would. */
    const conf = '/etc/slurm/slurm.conf'
    const had = fs.existsSync(conf)
    let far: string

    beforeAll(async () => {
      ssh = await startSsh()
      fs.mkdirSync('/etc/slurm', { recursive: true })
      if (!had) fs.symlinkSync(slurm.env.SLURM_CONF, conf)
    })
    afterAll(() => {
      if (!had) fs.rmSync(conf, { force: true })
      ssh.stop()
    })
    beforeEach(() => {
      far = path.join(folder, 'far away; $(touch hurt)')
      fs.mkdirSync(far)
    })

    const profile = (): string =>
      [
        `host: ${ssh.host}`,
        `ssh_options: [-F, ${ssh.config}]`,
        `remote_dir: ${JSON.stringify(far)}`,
        // The far shell knows nothing of this test's environment.
        'preamble: |\n  export TMPDIR=/tmp',
        '',
      ].join('\n')

    it("runs the shell in a path's name, loses a run, or leaves runs that cannot find their data here", async () => {
      write(30, profile())
      await expectWhole(await begin().done)
      expect(fs.readdirSync(far).sort()).toEqual(['data', 'sweeps'])
      expect(fs.existsSync(path.join(folder, 'hurt'))).toBe(false)
      const hparams = fs.readFileSync(path.join(sweepOf(), 't000-s1', 'hparams.yaml'), 'utf8')
      expect(hparams).toContain(path.join(folder, 'data'))
      expect(hparams).not.toContain('far away')
      const evaluated = await delta(folder, 'eval', path.join(sweepOf(), 't000-s1'), '--split', 'test', '--json')
      expect(evaluated.code, evaluated.stderr).toBe(0)
    })

    it('a trial that goes on from its rung begins anew there, or another is promoted', async () => {
      writeHalving('asha', profile())
      await expectHalved(await begin().done)
    })

    it('a workbench that is killed between two rungs halves trials twice, or loses one', async () => {
      writeHalving('asha', profile())
      const first = begin()
      await promotedTrial()
      first.child.kill('SIGKILL')
      await first.done
      await expectHalved(await goOn())
    })
  })

  describe.runIf(allFaults)('and its faults', () => {
    it('a trial that runs out of memory ends the sweep, or ends without a reason', async () => {
      write(200_000)
      fs.writeFileSync(path.join(folder, 'cluster.yaml'), 'launcher: slurm\npoll_seconds: 0.3\nmemory: 60M\n')
      const done = await begin().done
      for (const { status, error } of resultOf(done).trials) {
        expect(['crashed', 'failed', 'stopped']).toContain(status)
        expect(error?.message ?? 'Slurm').toContain('Slurm')
      }
    })

    it('a run that takes too much memory on its way says only that its launch failed', async () => {
      write(1_000_000, 'memory: 250M\nthrottle: 4\n')
      const { trials } = resultOf(await begin().done)
      for (const { status, error } of trials) {
        expect(status).toBe('crashed')
        expect(error?.message).toMatch(/Its log: .*exceeded memory limit \(\d+ > 262144000\)/)
      }
    })

    it('a trial that runs out of time begins anew, or is lost', async () => {
      // A minute is Slurm's shortest limit; each trial takes several. Memory enough that time is the only thing it runs out of.
      write(1_000_000, 'time: "1"\nmemory: 1G\nthrottle: 4\n')
      const first = begin()
      await expect.poll(() => batches().length, { timeout: 280_000, interval: 500 }).toBeGreaterThan(1)
      first.child.kill('SIGINT')
      const { trials } = resultOf(await first.done)
      const attempts = batches()
      expect(attempts[1]!.trials.length).toBeGreaterThan(0)
      // What the first minute had learned was kept.
      const again = trials[attempts[1]!.trials[0]!]!
      expect(again.epochs).toBeGreaterThan(0)
    })

    it('a node that is lost takes its trial with it', async () => {
      write(6000)
      const first = begin()
      await underWay()
      const node = slurm.run('squeue', '-h', '-r', '-t', 'RUNNING', '-o', '%K|%N').split('\n')[0]!
      const [task = '', name = ''] = node.split('|')
      const version = `t00${Math.floor(Number(task) / 2)}-s${1 + (Number(task) % 2)}`
      const engine = engineOf(version)
      slurm.kill(`slurmd-${name}`)
      process.kill(engine, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 15_000))
      slurm.start()
      await first.done
      await expectWhole(await goOn())
    })

    it('a controller that is away for a while ends the sweep', async () => {
      write(3000)
      const first = begin()
      await underWay()
      slurm.kill('slurmctld')
      await new Promise((resolve) => setTimeout(resolve, 60_000))
      slurm.start()
      const done = await first.done
      expect(done.stderr).toContain('it is asked again')
      await expectWhole(done)
    })

    it('a trial that was killed while nobody looked is lost where the queue has forgotten it', async () => {
      write(3000)
      const first = begin()
      await underWay()
      first.child.kill('SIGKILL')
      await first.done
      process.kill(engineOf('t000-s1'), 'SIGKILL')
      await slurm.forget()
      await expectWhole(await goOn())
      // What its run does not say is trained again, and nothing else.
      expect(batches().map(({ trials }) => trials)).toEqual([[0, 1, 2, 3], [0]])
    })

    it('a controller that has lost its state makes a trial count twice', async () => {
      write(3000)
      const first = begin()
      await underWay()
      slurm.kill('slurmctld')
      slurm.loseState()
      slurm.start()
      await first.done
      await expectWhole(await goOn())
    })
  })
})

describe.skipIf(noSlurm !== undefined || !allFaults)('a Slurm with accounting and cards', () => {
  beforeAll(() => {
    buildCli()
    slurm = new TestSlurm({ SLURM_GPUS: '1', SLURM_DBD: '1' })
    slurm.start()
    folder = workspace()
  })
  afterAll(() => {
    slurm.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  }, SETTLE_MS)

  it('gives trials no card, or trains again what it says was killed while nobody looked', async () => {
    write(3000, 'gpus: 1\npreamble: echo "card $CUDA_VISIBLE_DEVICES"\n')
    const first = begin()
    await underWay()
    expect(slurm.run('squeue', '-h', '-r', '-o', '%b').trim().split('\n')).toEqual(Array<string>(4).fill('gres:gpu:1'))
    const log = path.join(sweepOf(), 'cluster', batches()[0]!.token, 'log', '0.log')
    expect(fs.readFileSync(log, 'utf8')).toContain('card 0')
    first.child.kill('SIGKILL')
    await first.done
    process.kill(engineOf('t000-s1'), 'SIGKILL')
    await slurm.forget()
    const { trials } = resultOf(await goOn())
    expect(trials.map(({ status }) => status)).toEqual(['crashed', 'finished', 'finished', 'finished'])
    expect(trials[0]!.error?.message).toMatch(/^Slurm: FAILED on n\d/)
    expect(batches()).toHaveLength(1)
    await expectWhole(await goOn())

    write(30, 'gpus: gpu:2\n')
    for (const { status, error } of resultOf(await begin().done).trials)
      expect(`${status} ${error?.message}`).toMatch(
        /^failed Slurm: FAILED \(BadConstraints\)\. No node has what the profile asks for/,
      )
  })
})
