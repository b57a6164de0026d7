/** How long does a person wait from Enter to the first optimiser step? */
import path from 'node:path'
import { z } from 'zod'
import { orMissing } from './harness/ask'
import { simpler } from './harness/data'
import { OURS, startTrain } from './harness/delta'
import type { Question, Row, Setting, Target } from './harness/question'
import { ROOT } from './harness/root'
import { spread } from './harness/statistics'

const TARGET: Target = { of: 'ours', atMost: 0.7 }
const metricsLine = z.object({ type: z.literal('metrics'), batch: z.object({ time: z.number() }) })

export const question: Question = {
  name: 'start',
  title: 'From the start of the process to the first step on SimplER',
  async run(setting) {
    const rows: Row[] = []
    for (const cached of [true, false]) {
      const what = `process start to first step, SimplER, ${cached ? 'with' : 'without'} Node's compile cache`
      rows.push(await orMissing({ what, unit: 's', target: TARGET }, () => measure(setting, what, cached)))
    }
    return rows
  },
}

/**
 * With `max_steps` 1 the first metrics line is written right after the first step, and a validation. Its `time` is the wall clock
 * of the engine; the start is read just before the spawn, so that Node's own start counts.
 */
async function measure(setting: Setting, what: string, cached: boolean): Promise<Row> {
  const data = simpler(setting)
  const cache = cached ? path.join(ROOT, 'node_modules', '.cache', 'compile') : undefined
  const once = async (): Promise<number> => {
    const more = ['--set', 'trainer.max_steps=1']
    const started = Date.now()
    const { stdout } = await startTrain(setting, { data, epochs: 1, more, env: { NODE_COMPILE_CACHE: cache } })
    const lines = stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    const first = lines.map((line) => metricsLine.safeParse(line)).find(({ success }) => success)
    if (!first?.data) throw new Error('no metrics line came')
    return (first.data.batch.time - started) / 1000
  }
  // The first fills the cache, and the file system's.
  await once()
  const times: number[] = []
  for (let i = 0; i < Math.max(setting.pairs, 3); i++) times.push(await once())
  const { median, min, max } = spread(times)
  const note = `${OURS}; ${min.toFixed(3)}–${max.toFixed(3)} s over ${times.length}, the validation of dev included`
  return { what, unit: 's', ours: median, target: TARGET, note }
}
