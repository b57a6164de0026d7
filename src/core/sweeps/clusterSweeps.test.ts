import fs from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RequestInput, RequestOutput, Route } from '../../shared/api/requests'
import type { SweepView } from '../../shared/domain/sweeps'
import type { Core } from '../createCore'
import { askCore, coreIn } from '../testing/coreIn'
import { FakeSlurm } from '../testing/fakeSlurm'
import { buildCli, workspace } from '../testing/workspace'

let cwd: string
let slurm: FakeSlurm
let core: Core
beforeAll(() => {
  buildCli()
  cwd = workspace()
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))
beforeEach(async () => {
  slurm = new FakeSlurm(path.join(cwd, 'slurm'))
  core = open()
  await ask('clusters.save', { name: 'fake', yaml: 'launcher: slurm\npoll_seconds: 0.2\n' })
})
afterEach(async () => {
  await core.close()
  slurm.stop()
})

const open = (): Core => coreIn(cwd)
const ask = <R extends Route>(route: R, input: RequestInput<R>): Promise<RequestOutput<R>> =>
  askCore(core, route, input)
const yaml = `method: random
parameters: { trainer.learning_rate: { min: 0.001, max: 0.1, scale: log } }
base: { dts_name: small, exp_name: far, trainer: { max_epochs: 3, batch_size: 64 } }
budget: { trials: 3 }
`
const view = (): Promise<SweepView> => ask('sweeps.get', { name: 'far' })
const queue = async (): Promise<(string | undefined)[]> => (await view()).trials.map((trial) => trial.queue?.text)
const poll = <T>(what: () => Promise<T>) => expect.poll(what, { interval: 100 })

test('a sweep in a queue shows another state than the queue, ends with its window, or is not followed by the next one', async () => {
  await ask('sweeps.start', { yaml, cluster: 'fake' })
  await poll(queue).toEqual(Array(3).fill('PENDING (Resources)'))
  const { sweep } = await view()
  expect(sweep).toMatchObject({ status: 'running', cluster: { host: null }, worker: { ours: true } })
  // Nothing that would end with this workbench.
  expect(core.running).toBe(0)
  slurm.change(1, 'RUNNING', 'None', 'n2')
  await poll(queue).toEqual(['PENDING (Resources)', 'RUNNING on n2', 'PENDING (Resources)'])
  slurm.change(1, 'PENDING', 'BeginTime', '')
  await poll(async () => (await view()).trials[1]?.queue).toMatchObject({ is: 'waiting', requeued: 1, attempt: 1 })
  slurm.away(true)
  await poll(async () => (await view()).queue?.away?.why).toContain('Unable to contact')
  slurm.away(false)
  await poll(async () => (await view()).queue?.away).toBeUndefined()

  await core.close()
  expect(slurm.tasks).toHaveLength(3)
  core = open()
  await poll(async () => (await view()).sweep.worker?.ours).toBe(true)
  expect(slurm.tasks).toHaveLength(3)
  expect((await view()).trials[1]?.queue).toMatchObject({ job: '100', requeued: 1 })

  // Paused, nothing more begins; what runs goes on, in the next window too.
  slurm.change(1, 'RUNNING', 'None', 'n2')
  await ask('sweeps.pause', { name: 'far' })
  await poll(queue).toEqual(['PENDING (JobHeldUser)', 'RUNNING on n2', 'PENDING (JobHeldUser)'])
  expect((await view()).sweep.status).toBe('paused')
  await core.close()
  core = open()
  await poll(async () => (await view()).sweep.worker?.ours).toBe(true)
  // More of them are held too, as soon as they are in the queue.
  await ask('sweeps.addTrials', { name: 'far', trials: 4 })
  expect((await view()).sweep).toMatchObject({ status: 'paused', trials: 4 })
  expect(slurm.tasks).toHaveLength(3)
  await ask('sweeps.resume', { name: 'far' })
  await poll(queue).toEqual([
    ...['PENDING (Priority)', 'RUNNING on n2', 'PENDING (Priority)'],
    // Added while it is trained: it need not wait for the others.
    'PENDING (Resources)',
  ])
  expect((await view()).sweep.status).toBe('running')
  // What somebody holds by scontrol stays held.
  slurm.change(0, 'PENDING', 'JobHeldUser', '')
  await poll(async () => (await queue())[0]).toBe('PENDING (JobHeldUser)')
  const looks = slurm.looks
  await poll(() => Promise.resolve(slurm.looks - looks)).toBeGreaterThan(3)
  expect((await queue())[0]).toBe('PENDING (JobHeldUser)')

  await ask('sweeps.stop', { name: 'far' })
  await poll(async () => (await view()).sweep.status).toBe('stopped')
  expect(slurm.tasks).toEqual([])
  expect(await queue()).toEqual(Array(4).fill(undefined))
  // What was stopped is not followed.
  await core.close()
  core = open()
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect((await view()).sweep).toMatchObject({ status: 'stopped', worker: null })
})
