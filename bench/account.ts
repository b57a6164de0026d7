/** Where does a training step's time go? Each operation of the fused step, run by itself. */
import { resolveExperiment } from '../src/core/config/resolveExperiment'
import { accountOfStep } from '../src/engine/backends/fused/account'
import { tableIn } from '../src/engine/backends/fused/fusedData'
import { FusedExecution } from '../src/engine/backends/fused/fusedExecution'
import { FusedGroup } from '../src/engine/backends/fused/fusedGroup'
import { Heap } from '../src/engine/kernels/heap'
import { Machine } from '../src/engine/kernels/machine'
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
import { median } from './harness/statistics'
import { caimiraMultiplyAdds, workloadOf } from './harness/workload'

/** Operations below this share of a step are told together. */
const WORTH_A_ROW = 0.03

export const question: Question = {
  name: 'account',
  title: 'Where a fused step of caimira spends its time, on one thread',
  async run(setting) {
    const rows: Row[] = []
    for (const { title, open } of dataSets(setting)) {
      setting.say(title)
      const row: Row = { what: `step, ${title}`, unit: 'ms' }
      try {
        rows.push(...(await account(setting, row, open(setting))))
      } catch (thrown) {
        rows.push(await orMissing(row, () => Promise.reject(thrown)))
      }
    }
    return rows
  },
}

async function account(setting: Setting, row: Row, data: BenchData): Promise<Row[]> {
  const { config } = resolveExperiment(
    { dts_name: data.name, dts_config_file: data.config, overrides: new Map([overrideOf('caimira.n_dim', N_DIM)]) },
    { cwd: ROOT, installed: ROOT },
  )
  const heap = new Heap()
  const { dataset } = await openData(config, new AbortController().signal, { allocate: tableIn(heap) })
  const machine = await Machine.start(heap, 1)
  try {
    const sizes = sizesOf(dataset)
    const fused = createFusedModel(config, sizes)
    if (!fused) throw new Error(`${config.model_name} has no fused form`)
    const group = new FusedGroup(machine, dataset, {
      batchSize: BATCH,
      prompts: fused.prompts,
      normalised: fused.normalised,
    })
    const execution = new FusedExecution(group, fused, config.trainer)
    const schedule = scheduleOf(dataset.splits.train, config.trainer)
    // The optimising compiler and the caches need some steps; the last full batch stays in the buffers.
    const times: number[] = []
    const { pairs } = dataset.splits.train
    for (let epoch = 0; epoch < (setting.quick ? 3 : 10); epoch++) {
      const order = execution.order(epoch)
      for (let from = 0; from + BATCH <= pairs; from += BATCH) {
        const started = performance.now()
        execution.trainStep(order.subarray(from, from + BATCH), schedule.at(0))
        times.push(performance.now() - started)
      }
      await execution.drainSteps()
    }
    const work = await workloadOf(data, BATCH)
    return rowsOf(row, median(times), accountOfStep(group, [execution], setting.quick ? 20 : 200), {
      multiplyAdds: caimiraMultiplyAdds(work, N_DIM) / work.steps / 2,
    })
  } finally {
    machine.close()
  }
}

const overrideOf = (key: string, value: unknown): [string, { value: unknown; flag: string }] => [
  key,
  { value, flag: key },
]

/** One row for the step and one for each operation worth it; the two products with the vectors say what rate they reach. */
function rowsOf(
  row: Row,
  step: number,
  operations: ReturnType<typeof accountOfStep>,
  { multiplyAdds }: { multiplyAdds: number },
): Row[] {
  const sum = operations.reduce((total, { ms }) => total + ms, 0)
  const large = operations.filter(({ ms }) => ms >= WORTH_A_ROW * sum)
  const rest = operations.filter(({ ms }) => ms < WORTH_A_ROW * sum)
  const share = (ms: number): string => `${((100 * ms) / sum).toFixed(0)} % of all operations`
  const products: readonly string[] = ['project', 'projectGrad']
  const little = sum - large.reduce((total, { ms }) => total + ms, 0)
  const part = (what: string, ms: number, note: string): Row => ({
    what: `${row.what}: ${what}`,
    unit: 'ms',
    ours: ms,
    note,
  })
  return [
    { ...row, ours: step },
    ...large.map(({ name, count, ms }) => {
      const rate = products.includes(name) ? `, ${figure(multiplyAdds / ms / 1e6)} GFMA/s` : ''
      return part(`${name} × ${count}`, ms, `over and over on the same texts: ${share(ms)}${rate}`)
    }),
    ...(rest.length === 0 ? [] : [part(`${rest.length} others`, little, share(little))]),
    part(
      'what is left',
      step - sum,
      'texts that are not in a cache yet, what stands between operations, other programs',
    ),
  ]
}
