/** Is it worth training sixteen seeds in one pass, and how much of the machine does it then use? */
import { orMissing } from './harness/ask'
import { wasmLoop } from './harness/ceiling'
import { dataSets, type BenchData } from './harness/data'
import { BATCH, CORES, N_DIM, needFlag, train } from './harness/delta'
import type { Question, Row, Setting, Target } from './harness/question'
import { compare, interleaved, median } from './harness/statistics'
import { ownEpochs } from './harness/trainAgainst'
import { CAIMIRA_FORMULA, caimiraMultiplyAdds, workloadOf } from './harness/workload'

const SEEDS = 16
const ALL = ['--seeds', `1..${SEEDS}`]
const SHARE: Target = { of: 'ratio', atLeast: 0.6 }

export const question: Question = {
  name: 'seeds',
  title: `${SEEDS} seeds in one pass against ${SEEDS} runs, and its share of the multiply-add ceiling`,
  async run(setting) {
    const rows: Row[] = []
    for (const { title, open } of dataSets(setting)) {
      setting.say(title)
      const what = `${SEEDS} seeds, ${title}`
      const against: Row = { what: `${what}, ms an epoch of all`, unit: 'ms', peerName: `${SEEDS} single runs` }
      rows.push(await orMissing(against, () => onePass(setting, against, open)))
      const share: Row = { what, unit: 'GFMA/s', peerName: 'WebAssembly peak', target: SHARE }
      rows.push(await orMissing(share, () => shareOf(setting, share, open(setting))))
    }
    return rows
  },
}

/** Single runs are told by one seed of each pair times 16: all sixteen take the same steps. */
async function onePass(setting: Setting, row: Row, open: (setting: Setting) => BenchData): Promise<Row> {
  needFlag('--seeds')
  const data = open(setting)
  const single = await ownEpochs(setting, { data })
  const together = await ownEpochs(setting, { data, more: ALL })
  let seed = 0
  const pairs = await interleaved(
    setting.pairs,
    async () => (await train(setting, { data, epochs: together, more: ALL })).ms_per_epoch,
    async () => SEEDS * (await train(setting, { data, epochs: single, seed: 1 + (seed++ % SEEDS) })).ms_per_epoch,
  )
  return { ...row, ...compare(pairs, 'less') }
}

async function shareOf(setting: Setting, row: Row, data: BenchData): Promise<Row> {
  needFlag('--seeds')
  const operations = caimiraMultiplyAdds(await workloadOf(data, BATCH), N_DIM, SEEDS)
  const epochs = await ownEpochs(setting, { data, more: ALL })
  const peak = wasmLoop()
  const times: number[] = []
  let threads = CORES
  const pairs = await interleaved(
    setting.pairs,
    async () => {
      const result = await train(setting, { data, epochs, more: ALL })
      times.push(result.ms_per_epoch)
      threads = result.threads
      return operations / result.ms_per_epoch / 1e6
    },
    async () => (await peak({ loop: 'multiplyAdd', threads, bytes: 1, seconds: setting.quick ? 0.1 : 0.5 })) / 1e9,
  )
  const note = `${SEEDS} · ${CAIMIRA_FORMULA} = ${(operations / 1e6).toFixed(0)} M in ${median(times).toFixed(2)} ms`
  return { ...row, ...compare(pairs, 'more'), note }
}
