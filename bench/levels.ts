/** Where does an epoch's time go, level by level, alone and with fifteen others in one pass? */
import { resolveExperiment } from '../src/core/config/resolveExperiment'
import { accountOfLevels } from '../src/engine/backends/fused/account'
import { tableIn } from '../src/engine/backends/fused/fusedData'
import { FusedExecution } from '../src/engine/backends/fused/fusedExecution'
import { FusedGroup } from '../src/engine/backends/fused/fusedGroup'
import { Heap } from '../src/engine/kernels/heap'
import { defaultThreads, Machine } from '../src/engine/kernels/machine'
import { scheduleOf } from '../src/engine/loop/fit'
import { createFusedModel } from '../src/engine/models/fusedRegistry'
import { sizesOf } from '../src/engine/models/sizesOf'
import { openData } from '../src/engine/openData'
import { orMissing } from './harness/ask'
import { dataSets, type BenchData } from './harness/data'
import { BATCH, N_DIM } from './harness/delta'
import type { Question, Row, Setting } from './harness/question'
import { figure } from './harness/report'
import { ROOT } from './harness/root'
import { caimiraMultiplyAdds, workloadOf } from './harness/workload'

const RUNS = [1, 16]
/** Levels below this share of an epoch are told together. */
const WORTH_A_ROW = 0.02

export const question: Question = {
  name: 'levels',
  title: 'Where an epoch of caimira spends its time, from barrier to barrier',
  async run(setting) {
    const rows: Row[] = []
    for (const { title, open } of dataSets(setting)) {
      setting.say(title)
      for (const runs of RUNS)
        for (const threads of new Set([1, defaultThreads()])) {
          const row: Row = { what: `${title}, ${runs} × ${threads} threads`, unit: 'ms' }
          try {
            rows.push(...(await account(setting, row, open(setting), runs, threads)))
          } catch (thrown) {
            rows.push(await orMissing(row, () => Promise.reject(thrown)))
          }
        }
    }
    return rows
  },
}

async function account(setting: Setting, row: Row, data: BenchData, runs: number, threads: number): Promise<Row[]> {
  const overrides = new Map([['caimira.n_dim', { value: N_DIM, flag: 'caimira.n_dim' }]])
  const { config } = resolveExperiment(
    { dts_name: data.name, dts_config_file: data.config, overrides },
    { cwd: ROOT, installed: ROOT },
  )
  const heap = new Heap()
  const { dataset } = await openData(config, new AbortController().signal, { allocate: tableIn(heap) })
  const machine = await Machine.start(heap, threads)
  try {
    const model = createFusedModel(config, sizesOf(dataset))
    if (!model) throw new Error(`${config.model_name} has no fused form`)
    const { prompts, normalised } = model
    const group = new FusedGroup(machine, dataset, { batchSize: BATCH, prompts, normalised })
    const members = Array.from(
      { length: runs },
      (_, seed) => new FusedExecution(group, model, { ...config.trainer, seed, data_seed: 0 }),
    )
    const order = members[0]!.order(0)
    const batches = Array.from({ length: Math.ceil(order.length / BATCH) }, (_, i) =>
      order.subarray(i * BATCH, (i + 1) * BATCH),
    )
    // The optimising compiler needs some steps.
    const rates = scheduleOf(dataset.splits.train, config.trainer).at(0)
    for (const rows of [...batches, ...batches].slice(0, WARM_UP_STEPS))
      for (const member of members) member.trainStep(rows, rates)
    for (const member of members) await member.drainSteps()
    const levels = accountOfLevels(group, members, batches, setting.quick ? 2 : REPEATS)
    const products = caimiraMultiplyAdds(await workloadOf(data, BATCH), N_DIM, runs)
    const total = levels.reduce((sum, { ms }) => sum + ms, 0)
    const share = (ms: number): string => `${((100 * ms) / total).toFixed(0)} %`
    const rate = (ms: number, multiplyAdds: number): string => `${figure(multiplyAdds / ms / 1e6)} GFMA/s`
    const large = levels.filter(({ ms }) => ms >= WORTH_A_ROW * total)
    const rest = total - large.reduce((sum, { ms }) => sum + ms, 0)
    return [
      { ...row, ours: total, note: rate(total, products) },
      ...large.map(({ operations, ms }) => {
        const product = operations.some((name) => name === 'project' || name === 'projectGrad')
        const note = `${share(ms)}${product ? `, ${rate(ms, products / 2)}` : ''}`
        return { what: `${row.what}: ${operations.join(', ')}`, unit: 'ms', ours: ms, note }
      }),
      { what: `${row.what}: the rest`, unit: 'ms', ours: rest, note: share(rest) },
    ]
  } finally {
    machine.close()
  }
}

const WARM_UP_STEPS = 8
const REPEATS = 7
