/** Where does an epoch's time go, level by level, alone and with others in one pass? */
import type { ExperimentConfig } from '../src/shared/config/experiment'
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

const seeds = (n: number): number[] => Array.from({ length: n }, () => N_DIM)
/** One run, seeds in one pass, and the trials of the question `sweep`: the size of each run. */
const PASSES: readonly { name: string; sizes: readonly number[]; only?: string }[] = [
  { name: '1', sizes: seeds(1) },
  { name: '16', sizes: seeds(16) },
  {
    name: '64 of K 5 to 20',
    sizes: [5, 10, 15, 20].flatMap((n_dim) => Array.from({ length: 16 }, () => n_dim)),
    only: 'convarg',
  },
]
/** Levels below this share of an epoch are told together. */
const WORTH_A_ROW = 0.02

export const question: Question = {
  name: 'levels',
  title: 'Where an epoch of caimira spends its time, from barrier to barrier',
  async run(setting) {
    const rows: Row[] = []
    for (const { title, open } of dataSets(setting)) {
      setting.say(title)
      for (const { name, sizes } of PASSES.filter(({ only = title }) => only === title))
        for (const threads of new Set([1, defaultThreads()])) {
          const row: Row = { what: `${title}, ${name} × ${threads} threads`, unit: 'ms' }
          try {
            rows.push(...(await account(setting, row, open(setting), sizes, threads)))
          } catch (thrown) {
            rows.push(await orMissing(row, () => Promise.reject(thrown)))
          }
        }
    }
    return rows
  },
}

async function account(
  setting: Setting,
  row: Row,
  data: BenchData,
  sizes: readonly number[],
  threads: number,
): Promise<Row[]> {
  const configOf = (n_dim: number): ExperimentConfig => {
    const overrides = new Map([['caimira.n_dim', { value: n_dim, flag: 'caimira.n_dim' }]])
    const asked = { dts_name: data.name, dts_config_file: data.config, overrides }
    return resolveExperiment(asked, { cwd: ROOT, installed: ROOT }).config
  }
  const config = configOf(N_DIM)
  const heap = new Heap()
  const { dataset } = await openData(config, new AbortController().signal, { allocate: tableIn(heap) })
  const machine = await Machine.start(heap, threads)
  try {
    const models = sizes.map((n_dim) => {
      const model = createFusedModel(configOf(n_dim), sizesOf(dataset))
      if (!model) throw new Error(`${config.model_name} has no fused form`)
      return model
    })
    const { prompts, normalised } = models[0]!
    const group = new FusedGroup(machine, dataset, { batchSize: BATCH, prompts, normalised })
    const members = models.map(
      (model, seed) => new FusedExecution(group, model, { ...config.trainer, seed, data_seed: 0 }),
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
    const workload = await workloadOf(data, BATCH)
    const products = sizes.reduce((sum, n_dim) => sum + caimiraMultiplyAdds(workload, n_dim, 1), 0)
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
