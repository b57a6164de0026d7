import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { resolveData, resolveExperiment } from '../src/core/config/resolveExperiment'
import { readRunDetail, readRunFolder } from '../src/core/runs/runFolder'
import { VectorCache } from '../src/core/embed/vectorCache'
import { readResults } from '../src/core/store/results'
import { EventReader } from '../src/core/store/tensorboard/eventReader'
import { readBow, readVocabulary } from '../src/engine/data/bow'
import { readNpy } from '../src/engine/data/npy'
import { TextTable } from '../src/engine/data/textTable'
import { validateData } from '../src/engine/data/validate'
import { importData } from '../src/engine/import/importData'
import { readRecords } from '../src/engine/import/records'
import { previewPairs } from '../src/engine/prep/previewPairs'
import { splitPairs } from '../src/engine/prep/splitPairs'
import { readTruth } from '../src/engine/recover/truth'
import { RewardTable } from '../src/engine/rewards/rewardTable'
import { readCheckpoint } from '../src/engine/run/checkpointFile'
import { AppError } from '../src/shared/errors'
import type { ImportFormat } from '../src/shared/domain/importing'
import * as seeds from './seeds'

/** One way in which a file from elsewhere comes into the program. */
export interface Reader {
  readonly name: string
  readonly seeds: readonly Buffer[]
  /** Name of the mutated file inside the reader's folder. */
  readonly file: string
  /** Puts what the reader needs besides that file into its folder. */
  prepare?(folder: string): void
  /** What stands around the mutated bytes, where a checksum would otherwise stop every mutation at the door. */
  wrap?(bytes: Buffer): Buffer
  /**
   * Reads the mutated file.
   *
   * @returns 'accepted', or 'problems' where the reader reports instead of throwing
   */
  read(folder: string): Promise<'accepted' | 'problems'>
}

const neighbours = (folder: string): void => {
  writeFileSync(path.join(folder, 'texts.json'), seeds.textsFile)
  writeFileSync(path.join(folder, 'emb.npy'), seeds.npy[0]!)
}

/** The whole check of a data set, with one of its files mutated. */
async function validate(
  folder: string,
  files: { df?: string; texts?: string; emb?: string },
): Promise<'accepted' | 'problems'> {
  const in_ = (name: string): string => path.join(folder, name)
  const report = await validateData({
    dts_name: 'fuzzed',
    dts_path: folder,
    prefix_columns: ['user_'],
    train: {
      df_file: in_(files.df ?? 'pairs.jsonl'),
      text_file: in_(files.texts ?? 'texts.json'),
      emb_file: in_(files.emb ?? 'emb.npy'),
    },
  })
  for (const { file, message, fix } of report.problems)
    if (file === undefined || message === '' || fix === '')
      throw new Error(`a problem without file, message or fix: ${message}`)
  return report.problems.some(({ severity }) => severity === 'error') ? 'problems' : 'accepted'
}

async function records(file: string): Promise<'accepted' | 'problems'> {
  let malformed = 0
  await readRecords(file, {
    onRecord: (record) => void Object.keys(record),
    onMalformed: ({ file: where, row }, reason) => {
      if (where !== file || row < 0 || reason === '') throw new Error('a malformed row without place or reason')
      malformed++
    },
  })
  return malformed > 0 ? 'problems' : 'accepted'
}

async function imported(
  folder: string,
  file: string,
  format: ImportFormat,
  columns: Record<string, string> = {},
  more: object = {},
): Promise<'accepted' | 'problems'> {
  const output = path.join(folder, 'out')
  rmSync(output, { recursive: true, force: true })
  const options = {
    format,
    inputs: [path.join(folder, file)],
    output,
    columns,
    context: 'full' as const,
    min_gap: 0,
    ...more,
  }
  const { notes } = await importData(options, () => {})
  // What is written must be sound whatever was read.
  await TextTable.read(path.join(output, 'texts.json'))
  if ((await records(path.join(output, 'pairs.jsonl'))) === 'problems') throw new Error('import wrote a malformed row')
  return notes.length > 0 ? 'problems' : 'accepted'
}

/** A run's folder inside a log folder, all of whose other files are sound. */
const logFolder = (folder: string): void => {
  const dir = path.join(folder, 'exp', 'v0')
  mkdirSync(dir, { recursive: true })
  writeFileSync(path.join(dir, 'run.json'), seeds.runRecord[0]!)
  writeFileSync(path.join(dir, 'metrics.jsonl'), seeds.metrics[0]!)
}

async function runFolder(folder: string): Promise<'accepted' | 'problems'> {
  const dir = path.join(folder, 'exp', 'v0')
  const run = await readRunFolder(folder, dir)
  if (!run) throw new Error('a folder with a record is no run')
  const detail = await readRunDetail(folder, dir)
  JSON.stringify([run.record, run.figures, detail])
  return run.problems.length + detail.problems.length > 0 ? 'problems' : 'accepted'
}

async function events(folder: string): Promise<'accepted' | 'problems'> {
  const reader = new EventReader()
  reader.read(path.join(folder, 'events.out.tfevents.1.box'), 'events')
  const { problems, curves, session } = reader.finish()
  JSON.stringify([...curves.keys(), session])
  return problems.length > 0 ? 'problems' : 'accepted'
}

const roots = (folder: string) => ({ cwd: folder, installed: folder })

export const READERS: readonly Reader[] = [
  {
    name: 'pairs (JSON Lines)',
    seeds: seeds.jsonl,
    file: 'pairs.jsonl',
    prepare: neighbours,
    read: (folder) => validate(folder, {}),
  },
  {
    name: 'pairs (Parquet)',
    seeds: seeds.parquetFiles,
    file: 'pairs.parquet',
    prepare: neighbours,
    read: (folder) => validate(folder, { df: 'pairs.parquet' }),
  },
  {
    name: 'texts.json',
    seeds: seeds.texts,
    file: 'texts.json',
    prepare(folder) {
      neighbours(folder)
      writeFileSync(path.join(folder, 'pairs.jsonl'), seeds.jsonl[1]!)
    },
    read: (folder) => validate(folder, {}),
  },
  {
    name: 'vectors (.npy)',
    seeds: seeds.npy,
    file: 'emb.npy',
    async read(folder) {
      const { nonFinite } = await readNpy(path.join(folder, 'emb.npy'))
      return nonFinite.count > 0 ? 'problems' : 'accepted'
    },
  },
  {
    name: 'words (.npz)',
    seeds: seeds.npz,
    file: 'bow.npz',
    async read(folder) {
      await readBow(path.join(folder, 'bow.npz'), { rows: seeds.TEXT_COUNT, words: 3 })
      return 'accepted'
    },
  },
  {
    name: 'import: CSV',
    seeds: seeds.csv,
    file: 'source.csv',
    read: (folder) => records(path.join(folder, 'source.csv')),
  },
  {
    name: 'import: JSON array',
    seeds: seeds.jsonArray,
    file: 'source.json',
    read: (folder) => records(path.join(folder, 'source.json')),
  },
  {
    name: 'import: Parquet',
    seeds: seeds.parquetFiles,
    file: 'source.parquet',
    read: (folder) => records(path.join(folder, 'source.parquet')),
  },
  {
    name: 'import: PRISM',
    seeds: seeds.conversations,
    file: 'conversations.jsonl',
    read: (folder) => imported(folder, 'conversations.jsonl', 'prism'),
  },
  {
    name: 'data_configs.yaml',
    seeds: seeds.yaml,
    file: 'data.yaml',
    async read(folder) {
      resolveData({ dts_name: 'small', dts_config_file: path.join(folder, 'data.yaml') }, roots(folder))
      return 'accepted'
    },
  },
  {
    name: 'exp_config.yaml',
    seeds: seeds.experiment,
    file: 'exp.yaml',
    prepare: (folder) => writeFileSync(path.join(folder, 'data.yaml'), seeds.yaml[0]!),
    async read(folder) {
      const files = { dts_config_file: path.join(folder, 'data.yaml'), config_file: path.join(folder, 'exp.yaml') }
      resolveExperiment({ dts_name: 'small', ...files }, roots(folder))
      return 'accepted'
    },
  },
  {
    name: 'checkpoint (.safetensors)',
    seeds: seeds.safetensors,
    file: 'best.safetensors',
    async read(folder) {
      readCheckpoint(folder, 'best')
      return 'accepted'
    },
  },
  { name: 'run.json', seeds: seeds.runRecord, file: 'exp/v0/run.json', prepare: logFolder, read: runFolder },
  { name: 'metrics.jsonl', seeds: seeds.metrics, file: 'exp/v0/metrics.jsonl', prepare: logFolder, read: runFolder },
  {
    name: 'hparams.yaml',
    seeds: seeds.experiment,
    file: 'exp/v0/hparams.yaml',
    prepare: logFolder,
    read: runFolder,
  },
  {
    name: 'import: JSON Lines',
    seeds: seeds.jsonl,
    file: 'source.jsonl',
    read: (folder) => records(path.join(folder, 'source.jsonl')),
  },
  {
    name: 'import: TSV',
    seeds: seeds.tsv,
    file: 'source.tsv',
    read: (folder) => records(path.join(folder, 'source.tsv')),
  },
  {
    name: 'import: pairs (CSV)',
    seeds: seeds.csv,
    file: 'pairs.csv',
    read: (folder) => imported(folder, 'pairs.csv', 'pairs'),
  },
  {
    name: 'import: survey',
    seeds: seeds.survey,
    file: 'survey.jsonl',
    prepare: (folder) => writeFileSync(path.join(folder, 'conversations.jsonl'), seeds.conversations[0]!),
    read: (folder) =>
      imported(folder, 'conversations.jsonl', 'prism', {}, { survey: path.join(folder, 'survey.jsonl') }),
  },
  {
    name: 'import: psoups',
    seeds: seeds.psoups,
    file: 'rm_P1A.json',
    read: (folder) => imported(folder, 'rm_P1A.json', 'psoups'),
  },
  {
    name: 'import: ratings',
    seeds: seeds.ratings,
    file: 'ratings.csv',
    read: (folder) => imported(folder, 'ratings.csv', 'ratings'),
  },
  {
    name: 'preview',
    seeds: [...seeds.jsonl, ...seeds.parquetFiles],
    file: 'any.data',
    async read(folder) {
      const { malformed } = await previewPairs({ task: 'preview', input: path.join(folder, 'any.data'), rows: 5 })
      return malformed > 0 ? 'problems' : 'accepted'
    },
  },
  {
    name: 'split',
    seeds: [...seeds.jsonl, ...seeds.parquetFiles],
    file: 'any.data',
    async read(folder) {
      const output = path.join(folder, 'out')
      rmSync(output, { recursive: true, force: true })
      const { dropped } = await splitPairs({
        task: 'split',
        input: path.join(folder, 'any.data'),
        output,
        dts_name: 'fuzzed',
        format: 'jsonl',
        by: ['prompt', 'chosen'],
        user: 'u_id',
        time: 'time',
        stratify: [],
        test: 0,
        dev: 0,
        unseen: 0,
        perUser: false,
        sharedTexts: 'report',
        prefixColumns: [],
        seed: 0,
      })
      return dropped.length > 0 ? 'problems' : 'accepted'
    },
  },
  {
    name: 'vocabulary',
    seeds: seeds.vocabulary,
    file: 'vocab.txt',
    async read(folder) {
      await readVocabulary(path.join(folder, 'vocab.txt'))
      return 'accepted'
    },
  },
  {
    name: 'reward table',
    seeds: seeds.rewards,
    file: 'rewards.parquet',
    async read(folder) {
      await RewardTable.read(path.join(folder, 'rewards.parquet'))
      return 'accepted'
    },
  },
  {
    name: 'predictions',
    seeds: seeds.predictions,
    file: 'predictions/test.parquet',
    prepare: (folder) => mkdirSync(path.join(folder, 'predictions'), { recursive: true }),
    read: async (folder) => ((await readResults(folder)).length > 0 ? 'accepted' : 'problems'),
  },
  {
    name: 'TensorBoard events',
    seeds: seeds.eventFiles,
    file: 'events.out.tfevents.1.box',
    read: events,
  },
  {
    name: 'TensorBoard payloads',
    seeds: seeds.eventPayloads,
    file: 'events.out.tfevents.1.box',
    wrap: seeds.framed,
    read: events,
  },
  {
    name: 'truth.json',
    seeds: seeds.truth,
    file: 'truth.json',
    prepare: (folder) => writeFileSync(path.join(folder, 'truth.safetensors'), seeds.truthArrays[0]!),
    async read(folder) {
      readTruth(folder)
      return 'accepted'
    },
  },
  {
    name: 'truth.safetensors',
    seeds: seeds.truthArrays,
    file: 'truth.safetensors',
    prepare: (folder) => writeFileSync(path.join(folder, 'truth.json'), seeds.truth[0]!),
    async read(folder) {
      readTruth(folder)
      return 'accepted'
    },
  },
  {
    name: 'vector cache',
    seeds: seeds.vectorCaches,
    file: `cache/${seeds.CACHE_FILE}`,
    prepare: (folder) => mkdirSync(path.join(folder, 'cache'), { recursive: true }),
    async read(folder) {
      const cache = VectorCache.open(path.join(folder, 'cache'), seeds.CACHE_SCOPE)
      if (path.basename(cache.file) !== seeds.CACHE_FILE) throw new Error('the cache has another name')
      const { damagedBytes } = cache.read(() => {})
      cache.close()
      return damagedBytes > 0 ? 'problems' : 'accepted'
    },
  },
]

export type Outcome = 'accepted' | 'clear' | 'unclear'

/** What a reader made of a file; a failure is clear when it has a code for it, a place and a sentence. */
export async function outcomeOf(reader: Reader, folder: string): Promise<{ outcome: Outcome; why?: string }> {
  try {
    return { outcome: (await reader.read(folder)) === 'accepted' ? 'accepted' : 'clear' }
  } catch (error) {
    if (!(error instanceof AppError))
      return { outcome: 'unclear', why: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    const { code, message, details } = error
    if (code === 'internal' || message === '') return { outcome: 'unclear', why: `${code}: ${message}` }
    // A setting that two files make together has no single place; everything else names its file.
    if (details.file === undefined && code !== 'config_invalid')
      return { outcome: 'unclear', why: `no file: ${code}: ${message}` }
    return { outcome: 'clear' }
  }
}

export function prepareFolder(reader: Reader, folder: string): void {
  mkdirSync(folder, { recursive: true })
  reader.prepare?.(folder)
}
