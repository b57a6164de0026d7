import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RequestInput, RequestOutput, Route } from '../../shared/api/requests'
import { taskSchema, type Task } from '../../shared/domain/cluster'
import type { Core } from '../createCore'
import { readRecord } from '../service/recordFile'
import { askCore, coreIn } from '../testing/coreIn'
import { FakeSlurm } from '../testing/fakeSlurm'
import { ROOT, buildCli, workspace } from '../testing/workspace'

let cwd: string
let slurm: FakeSlurm
let core: Core
beforeAll(() => {
  buildCli()
  cwd = workspace()
  slurm = new FakeSlurm(path.join(cwd, 'slurm'))
  core = open()
})
afterAll(async () => {
  await core.close()
  slurm.stop()
  fs.rmSync(cwd, { recursive: true, force: true })
})

const open = (): Core => coreIn(cwd)
const ask = <R extends Route>(route: R, input: RequestInput<R>): Promise<RequestOutput<R>> =>
  askCore(core, route, input)

/** Trials of different batches are trained one after the other here, too: each is judged when those before it have ended. */
const yaml = (name: string): string => `method: asha
parameters: { trainer.batch_size: [16, 32, 64, 128] }
base: { dts_name: small, exp_name: ${name}, trainer: { max_epochs: 4, learning_rate: 0.02 } }
budget: { trials: 4 }
options: { min_epochs: 1, reduction: 2 }
`
const view = (name: string) => ask('sweeps.get', { name })
const statusOf = async (trial: number): Promise<string> => (await view('far')).trials[trial]!.status

const fileOf = (name: string, token: string, index: number | string): string =>
  path.join(cwd, 'logs', name, 'cluster', token, 'tasks', `${index}.json`)

/** What the queue has of a trial. */
function taskOf(trial: number, name = 'far'): Task | undefined {
  for (const line of slurm.tasks) {
    const [, , index = '', state, , , token = ''] = line.split('|')
    if (state !== 'PENDING') continue
    const file = fileOf(name, token, index)
    const task = taskSchema.parse(JSON.parse(fs.readFileSync(file, 'utf8')))
    if (task.trial === trial) return task
  }
  return undefined
}
/** As a node does it. */
async function train({ token, index }: Task, name = 'far'): Promise<string> {
  const file = fileOf(name, token, index)
  const cli = path.join(ROOT, 'out', 'main', 'cli.js')
  return (await promisify(execFile)(process.execPath, [cli, 'train', '--task', file], { cwd })).stdout
}
const is = (state: string, { token, index }: Task): void => slurm.change(index, state, 'None', 'n1', token)

test('trials that pause at their rungs in a cluster are judged otherwise than on this machine, twice, or not at all where the window was closed', async () => {
  await ask('clusters.save', { name: 'fake', yaml: 'launcher: slurm\npoll_seconds: 0.2\n' })
  await ask('sweeps.start', { yaml: yaml('far'), cluster: 'fake' })
  await expect.poll(() => slurm.tasks.length).toBe(4)
  const handed: string[] = []
  for (const trial of [0, 1, 2, 3]) {
    for (;;) {
      const task = taskOf(trial)!
      handed.push(`${trial} ${task.rung ?? 'end'} ${task.attempt}`)
      is('RUNNING', task)
      await train(task)
      if (task.rung !== undefined) {
        expect(await statusOf(trial)).toBe('paused')
        const rung = (await view('far')).rungs.find(({ epochs }) => epochs === task.rung)!
        // It stands there: it has neither gone on nor ended.
        expect(rung.reached - rung.promoted - rung.halved).toBe(1)
      }
      // The window is closed while a task runs, and opened when it has ended.
      if (handed.length === 2) await core.close()
      is('COMPLETED', task)
      if (handed.length === 2) core = open()
      await expect
        .poll(async () => taskOf(trial) !== undefined || ['halved', 'finished'].includes(await statusOf(trial)))
        .toBe(true)
      // A queue that has forgotten that it ended runs it again.
      if (handed.length === 1) expect(await train(task)).toContain('has passed 1 epochs already')
      if (taskOf(trial) === undefined) break
    }
  }
  await expect.poll(async () => (await view('far')).sweep.status).toBe('finished')
  expect(handed.slice(0, 3)).toEqual(['0 1 1', '0 2 2', '0 end 3'])

  await ask('sweeps.start', { yaml: yaml('near') })
  await expect.poll(async () => (await view('near')).sweep.status).toBe('finished')
  const [far, near] = [await view('far'), await view('near')]
  const came = ({ trials }: typeof far) =>
    trials.map(({ status, epochs, metric, dir = '' }) => ({
      status,
      epochs,
      metric,
      reason: readRecord(dir)?.reason,
    }))
  expect(came(far)).toEqual(came(near))
  expect(far.rungs).toEqual(near.rungs)
  expect(far.rungs.map(({ epochs, reached }) => `${reached} after ${epochs}`)).toEqual(['4 after 1', '2 after 2'])
  for (const { reached, promoted, halved } of far.rungs) expect(promoted + halved).toBe(reached)
  // Some ended at each rung, and not all went on.
  expect(new Set(came(near).map(({ epochs }) => epochs)).size).toBeGreaterThan(1)
})

test('a trial whose job was cancelled before it went on from its rung reads as if nobody had judged it', async () => {
  await ask('sweeps.start', { yaml: yaml('ended'), cluster: 'fake' })
  const pending = (): Task | undefined => taskOf(0, 'ended')
  await expect.poll(() => pending()?.rung).toBe(1)
  const first = pending()!
  is('RUNNING', first)
  await train(first, 'ended')
  expect((await view('ended')).trials[0]).toMatchObject({ status: 'paused', promoted: false })
  is('COMPLETED', first)
  await expect.poll(() => pending()?.rung).toBe(2)
  await ask('sweeps.stop', { name: 'ended' })
  await expect.poll(async () => (await view('ended')).sweep.status).toBe('stopped')
  expect(slurm.tasks.filter((line) => line.includes('|PENDING|'))).toEqual([])
  const { trials, rungs } = await view('ended')
  expect(trials[0]).toMatchObject({ status: 'paused', epochs: 1, queue: null, promoted: true })
  expect(rungs[0]).toEqual({ epochs: 1, reached: 1, promoted: 1, halved: 0 })
})
