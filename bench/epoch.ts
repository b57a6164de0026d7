/** Is training faster than what a researcher would otherwise run? Our backend against each mode of the PyTorch peer. */
import { orMissing } from './harness/ask'
import { dataSets, type Opener } from './harness/data'
import { BATCH, N_DIM } from './harness/delta'
import { PEER_SCRIPTS } from './harness/peer'
import type { Question, Row, Setting, Target } from './harness/question'
import { line } from './harness/report'
import { trainAgainst } from './harness/trainAgainst'
import { workloadOf } from './harness/workload'

const MODES = ['lightning', 'loop', 'dedup', 'compile'] as const
/** The same paths on the other data sets show nothing new in a smoke run, and most of its time would be PyTorch's start. */
const modesOf = ({ quick }: Setting, set: number): readonly (typeof MODES)[number][] =>
  quick && set > 0 ? ['loop'] : MODES

/** Of the plain modes the *best* must be beaten threefold, so each must; lightning by more, the less the more there is to compute. */
const AGAINST_PLAIN = 3
const AGAINST_LIGHTNING = [100, 100, 40]

export const question: Question = {
  name: 'epoch',
  title: `ms an epoch of caimira, batch ${BATCH}, K ${N_DIM}, against PyTorch`,
  async run(setting) {
    const rows: Row[] = []
    for (const [i, set] of dataSets(setting).entries())
      for (const mode of modesOf(setting, i)) {
        setting.say(`${set.title} against ${mode}`)
        const atLeast = mode === 'lightning' ? AGAINST_LIGHTNING[i]! : AGAINST_PLAIN
        const target: Target = { of: 'ratio', atLeast }
        const row: Row = { what: `caimira epoch, ${set.title}`, unit: 'ms', peerName: `torch ${mode}`, target }
        const answer = await orMissing(row, () => against(setting, row, set, mode))
        setting.say(line(answer))
        rows.push(answer)
      }
    return rows
  },
}

async function against(setting: Setting, row: Row, { open }: Opener, mode: (typeof MODES)[number]): Promise<Row> {
  const data = open(setting)
  const { users } = await workloadOf(data, BATCH)
  const packages = ['torch', 'pandas', 'pyarrow', 'numpy', ...(mode === 'lightning' ? ['lightning'] : [])]
  const flags = { batch: BATCH, k: N_DIM, users }
  return trainAgainst(setting, row, { data }, { script: PEER_SCRIPTS.caimira, packages, mode, flags })
}
