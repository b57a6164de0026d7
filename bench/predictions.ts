/** How many pairs a second does evaluation judge? */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { parquetWriteFile } from 'hyparquet-writer'
import { orMissing } from './harness/ask'
import { prism, section, simpler, type BenchData } from './harness/data'
import { BATCH, train } from './harness/delta'
import type { Question, Row, Setting, Target } from './harness/question'
import { median } from './harness/statistics'
import { workloadOf } from './harness/workload'

const TARGET: Target = { of: 'ours', atLeast: 1_000_000 }
const EPOCHS = 8

export const question: Question = {
  name: 'predictions',
  title: 'Predictions a second, by the time of a validation',
  async run(setting) {
    const rows: Row[] = []
    const ask = (what: string, open: () => Promise<BenchData>, target?: Target): Promise<Row> =>
      orMissing({ what, unit: '1/s', ...(target && { target }) }, () => measure(setting, what, open, target))
    rows.push(await ask('predictions, SimplER’s texts, many pairs', () => repeated(setting), TARGET))
    rows.push(
      await ask('predictions, PRISM-sized, no text twice', async () => validatedOnItself(setting, prism(setting))),
    )
    return rows
  },
}

async function measure(
  setting: Setting,
  what: string,
  open: () => Promise<BenchData>,
  target: Target | undefined,
): Promise<Row> {
  const data = await open()
  const { pairs, texts, width } = await workloadOf({ ...data, frame: data.judged ?? data.frame }, BATCH)
  const rates: number[] = []
  for (let i = 0; i < setting.pairs; i++) {
    const { ms_per_validation } = await train(setting, { data, epochs: EPOCHS })
    if (ms_per_validation === undefined) throw new Error('the result has no ms_per_validation')
    rates.push((1000 * pairs) / ms_per_validation)
  }
  const note = `${pairs.toLocaleString('en')} pairs over ${texts.toLocaleString('en')} texts × ${width}`
  return { what, unit: '1/s', ours: median(rates), ...(target && { target }), note }
}

/** The training pairs as validation split too: which pairs are judged does not matter to the clock. */
function validatedOnItself(setting: Setting, data: BenchData): BenchData {
  const files = { df_file: 'train.parquet', text_file: 'texts.json', emb_file: 'emb.npy' }
  return section(setting, data.title, path.dirname(data.frame), { train: files, dev: files })
}

/** SimplER's training pairs over and over, as the validation split of SimplER. */
async function repeated(setting: Setting): Promise<BenchData> {
  const wanted = setting.quick ? 50_000 : 400_000
  const base = simpler(setting)
  const file = path.join(setting.folder, 'data', `simpler-${wanted}.parquet`)
  const home = path.dirname(base.frame)
  if (!existsSync(file)) await writeRepeated(base.frame, file, wanted)
  const texts = { text_file: 'texts_train.json', emb_file: 'emb_train.npy' }
  const data = section(setting, base.title, home, {
    train: { df_file: path.basename(base.frame), ...texts },
    dev: { df_file: file, ...texts },
  })
  return { ...data, judged: file }
}

async function writeRepeated(from: string, to: string, wanted: number): Promise<void> {
  mkdirSync(path.dirname(to), { recursive: true })
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(from) })
  const at = (i: number): Record<string, unknown> => rows[i % rows.length]!
  const numbers = (name: string): Int32Array => Int32Array.from({ length: wanted }, (_, i) => Number(at(i)[name]))
  const texts = (name: string): string[] => Array.from({ length: wanted }, (_, i) => String(at(i)[name]))
  parquetWriteFile({
    filename: `${to}.draft`,
    columnData: [
      ...['u_id', 'prompt_emb_idx', 'chosen_emb_idx', 'rejected_emb_idx'].map((name) => ({
        name,
        data: numbers(name),
        type: 'INT32' as const,
      })),
      ...['prompt', 'chosen', 'rejected'].map((name) => ({ name, data: texts(name), type: 'STRING' as const })),
    ],
  })
  renameSync(`${to}.draft`, to)
}
