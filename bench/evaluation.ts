/** How long does the whole evaluation of a run take: every figure, every comparison, 1,000 resamples of the users? */
import { resolveExperiment } from '../src/core/config/resolveExperiment'
import { openBackend } from '../src/engine/backends/openBackend'
import { Evaluator } from '../src/engine/evaluate/evaluator'
import { openData } from '../src/engine/openData'
import { DEFAULT_RESAMPLES } from '../src/shared/domain/evaluation'
import { orMissing } from './harness/ask'
import { convarg } from './harness/data'
import type { Question, Row, Setting, Target } from './harness/question'
import { ROOT } from './harness/root'
import { median } from './harness/statistics'

const TARGET: Target = { of: 'ours', atMost: 1_000 }
const SPLITS = ['test', 'test_unseen'] as const

export const question: Question = {
  name: 'evaluation',
  title: `Every figure of convarg's test and test_unseen, with bt trained and ${DEFAULT_RESAMPLES} resamples`,
  async run(setting) {
    const row: Row = { what: 'evaluation, convarg’s test and test_unseen', unit: 'ms', target: TARGET }
    return [await orMissing(row, () => measure(setting, row))]
  },
}

/** Parameters as they start: what they are does not matter to the clock. */
async function measure(setting: Setting, row: Row): Promise<Row> {
  const data = convarg(setting, SPLITS)
  const { config } = resolveExperiment(
    { dts_name: data.name, dts_config_file: data.config, overrides: new Map() },
    { cwd: ROOT, installed: ROOT },
  )
  const stop = new AbortController().signal
  const backend = await openBackend(config)
  const { dataset } = await openData(config, stop, backend)
  const execution = (await backend.execute([config], dataset))[0]!
  const times: number[] = []
  let pairs = 0
  for (let repetition = 0; repetition < setting.pairs; repetition++) {
    const started = performance.now()
    const evaluator = new Evaluator(config, dataset, backend, stop)
    pairs = 0
    for (const name of SPLITS) {
      const split = dataset.splits[name]
      if (!split) throw new Error(`no ${name}`)
      pairs += split.pairs
      const asked = { split: name, resamples: DEFAULT_RESAMPLES }
      const judged = await evaluator.judge(execution, asked)
      if (!judged) throw new Error(`${name} was not judged`)
      await evaluator.evaluate({ ...asked, judged, checkpoint: { name: 'best', epochs: 0, steps: 0 } })
    }
    times.push(performance.now() - started)
    await evaluator.close()
  }
  execution.dispose()
  backend.close()
  return { ...row, ours: median(times), note: `${pairs.toLocaleString('en')} pairs` }
}
