/** What does an epoch cost when the data or the model grows? One size at a time, from one base case. */
import { orMissing } from './harness/ask'
import { synthetic } from './harness/data'
import { BATCH, CORES, hasFlag, N_DIM, OURS, train } from './harness/delta'
import type { Question, Row, Setting } from './harness/question'
import { fitExponent, fitLine, median } from './harness/statistics'
import { figure } from './harness/report'
import type { SyntheticSize } from './harness/synthetic'
import { ownEpochs } from './harness/trainAgainst'

interface Case extends SyntheticSize {
  K: number
  threads: number
}

const BASE: Case = { pairs: 8192, prompts: 512, answers: 8192, width: 512, users: 512, K: N_DIM, threads: 0 }

interface Sweep {
  of: string
  /** What the slope is told for, e.g. ms per 1,000 pairs. */
  per: number
  values: number[]
  at: (value: number) => Case
}

const SWEEPS: Sweep[] = [
  { of: 'pairs', per: 1000, values: [4096, 8192, 16_384, 32_768], at: (pairs) => ({ ...BASE, pairs }) },
  { of: 'answers', per: 1000, values: [1024, 4096, 16_384, 32_768], at: (answers) => ({ ...BASE, answers }) },
  { of: 'D', per: 100, values: [128, 384, 768, 1536], at: (width) => ({ ...BASE, width }) },
  { of: 'K', per: 1, values: [1, 5, 10, 20, 50], at: (K) => ({ ...BASE, K }) },
  { of: 'users', per: 1000, values: [64, 512, 2048, 8192], at: (users) => ({ ...BASE, users }) },
  {
    of: 'threads',
    per: 1,
    values: [...new Set([1, 2, 4, 8, CORES].filter((threads) => threads <= CORES))],
    at: (threads) => ({ ...BASE, threads }),
  },
]

export const question: Question = {
  name: 'scaling',
  title: `ms an epoch of caimira (${OURS}) against each size`,
  async run(setting) {
    const rows: Row[] = []
    for (const sweep of SWEEPS) {
      const what = `epoch against ${sweep.of}`
      setting.say(what)
      rows.push(await orMissing({ what, unit: 'exponent' }, () => measure(setting, what, sweep)))
    }
    return rows
  },
}

async function measure(setting: Setting, what: string, sweep: Sweep): Promise<Row> {
  if (sweep.of === 'threads' && !hasFlag('--threads')) return { what, unit: 'exponent', missing: 'no --threads here' }
  const values = setting.quick ? ends(sweep.values) : sweep.values
  if (values.length < 2) return { what, unit: 'exponent', missing: 'a single size: nothing to compare' }
  const times: number[] = []
  for (const value of values) times.push(await msPerEpoch(setting, sweep.at(value)))
  const { slope, intercept, r2 } = fitLine(values, times)
  const points = values.map((value, i) => `${value}: ${figure(times[i]!)}`).join(', ')
  const note =
    `ms at ${points}; ${figure(intercept)} + ${figure(slope * sweep.per)} ms per ` +
    `${sweep.per === 1 ? sweep.of : `${sweep.per.toLocaleString('en')} ${sweep.of}`}, R² ${r2.toFixed(3)}`
  return { what, unit: 'exponent', ours: fitExponent(values, times), note }
}

const ends = (values: readonly number[]): number[] => [...new Set([values[0]!, values.at(-1)!])]

/** The median of three processes; one for a smoke run. */
async function msPerEpoch(setting: Setting, { K, threads, ...size }: Case): Promise<number> {
  const data = synthetic(setting, 'synthetic', size)
  const options = { data, n_dim: K, threads, batch: BATCH }
  const epochs = await ownEpochs(setting, options)
  const times: number[] = []
  for (let i = 0; i < (setting.quick ? 1 : 3); i++)
    times.push((await train(setting, { ...options, epochs })).ms_per_epoch)
  return median(times)
}
