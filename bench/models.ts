/** The two models with a prompt: against plain PyTorch loops of the same equations. */
import { orMissing } from './harness/ask'
import { dataSets } from './harness/data'
import { BATCH, N_DIM } from './harness/delta'
import { PEER_SCRIPTS } from './harness/peer'
import type { Question, Row, Target } from './harness/question'
import { line } from './harness/report'
import { trainAgainst } from './harness/trainAgainst'
import { workloadOf } from './harness/workload'

const TARGET: Target = { of: 'ratio', atLeast: 2 }
const MODELS = ['model1', 'model2'] as const
/** `dedup` projects each distinct text once a step, as far as dropout lets it: the better loop, for comparison. */
const MODES = ['loop', 'dedup'] as const

export const question: Question = {
  name: 'models',
  title: `ms an epoch of model1 and model2, batch ${BATCH}, K ${N_DIM}, against PyTorch`,
  async run(setting) {
    // The third has the same models and takes long.
    const sets = dataSets(setting).slice(0, setting.quick ? 1 : 2)
    const rows: Row[] = []
    for (const { title, open } of sets)
      for (const model of MODELS)
        for (const mode of setting.quick ? MODES.slice(0, 1) : MODES) {
          setting.say(`${model} on ${title} against ${mode}`)
          const row: Row = {
            what: `${model} epoch, ${title}`,
            unit: 'ms',
            peerName: `torch ${mode}`,
            ...(mode === 'loop' && { target: TARGET }),
          }
          const answer = await orMissing(row, async () => {
            const data = open(setting)
            const { users } = await workloadOf(data, BATCH)
            const packages = ['torch', 'pandas', 'pyarrow', 'numpy']
            const flags = { model, batch: BATCH, k: N_DIM, users }
            const peer = { script: PEER_SCRIPTS.models, packages, mode, flags }
            return trainAgainst(setting, row, { data, model }, peer)
          })
          setting.say(line(answer))
          rows.push(answer)
        }
    return rows
  },
}
