import path from 'node:path'
import type { z } from 'zod'
import type { DataConfig, dataSectionSchema, SplitFiles } from '../../shared/config/data'
import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import type { CreateDataset, PrepareRequest, PrepareStep, SplitStep } from '../../shared/domain/datasets'
import { AppError } from '../../shared/errors'
import { quote } from '../service/command'
import type { KnownDataset } from './registry'
import { DATA_CONFIG_FILE, sectionYaml } from './workspaceFolder'

/** One thing that is done, by us or by a person who types it. */
export type PlanStep =
  | { type: 'delta'; label: string; args: readonly [string, string][]; verb: string }
  | { type: 'folder'; path: string }
  | { type: 'copy'; from: string; to: string }
  | { type: 'write'; file: string; text: string }

/** How a data set is made: every step as data, so that what is shown is what is done. */
export interface Plan {
  readonly name: string
  /** Of the new data set; made by the first steps. */
  readonly folder: string
  /** Further folders that only make sense with it. */
  readonly also: readonly string[]
  readonly file: string
  readonly steps: readonly PlanStep[]
  /** After so many steps there is a data set that is worth keeping, whatever comes of the rest. */
  readonly lasting: number
  /** Whether the folder is new. */
  readonly fresh: boolean
}

type Section = z.input<typeof dataSectionSchema>

/** What training reads beside the pairs, where nothing else is said. */
const TEXT_FILE = 'texts.json'
const EMB_FILE = 'emb.npy'
/** What `delta data import` writes. */
const IMPORTED = { pairs: 'pairs.jsonl', texts: TEXT_FILE }

export function planCreate(request: CreateDataset, folderOf: (name: string) => string): Plan {
  const folder = folderOf(request.name)
  return request.how === 'link' ? planLink(request, folder) : planImport(request, folder)
}

function planLink(request: Extract<CreateDataset, { how: 'link' }>, folder: string): Plan {
  const { name, splits, prefix_columns, vocab_file } = request
  const { train, ...others } = splits
  if (!train)
    throw new AppError('usage', 'A data set needs a train split', { key: 'splits.train', fix: 'Name its pairs.' })
  const files = (of: NonNullable<typeof train>): SplitFiles => {
    const text_file = of.text_file ?? TEXT_FILE
    return {
      df_file: of.df_file,
      text_file,
      emb_file: of.emb_file ?? embFileFor(text_file),
      ...(of.bow_file !== undefined && { bow_file: of.bow_file }),
    }
  }
  const section: Section = {
    dts_path: '.',
    ...(prefix_columns.length > 0 && { prefix_columns }),
    ...(vocab_file !== undefined && { vocab_file }),
    train: files(train),
    ...Object.fromEntries(Object.entries(others).flatMap(([split, own]) => (own ? [[split, files(own)]] : []))),
  }
  return planOf(name, folder, writeSection(name, folder, section))
}

/** `texts_train.json` → `emb_train.npy`: texts of their own have vectors of their own. */
function embFileFor(textFile: string): string {
  const { name } = path.parse(textFile)
  return /^texts/.test(name) ? `${name.replace(/^texts/, 'emb')}.npy` : EMB_FILE
}

function planImport(request: Extract<CreateDataset, { how: 'import' }>, folder: string): Plan {
  const { name, inputs, format, columns, min_gap, split, embed } = request
  const source = split ? `${folder}.source` : folder
  const importing: PlanStep = {
    type: 'delta',
    label: 'Importing',
    verb: 'import',
    args: [
      ['format', format],
      ...inputs.map((input): [string, string] => ['input', input]),
      ...Object.entries(columns).map(([role, column]): [string, string] => [role, column]),
      ...(min_gap > 0 ? [['min_gap', String(min_gap)] satisfies [string, string]] : []),
      ['output', source],
    ],
  }
  const rest: PlanStep[] = split
    ? [splitting({ ...split, user: 'u_id' }, path.join(source, IMPORTED.pairs), folder, name)]
    : writeSection(name, folder, {
        dts_path: '.',
        train: { df_file: IMPORTED.pairs, text_file: IMPORTED.texts, emb_file: EMB_FILE },
      }).slice(1)
  const steps = [importing, ...rest]
  const plan = planOf(name, folder, [...steps, ...(embed ? [embedding(folder, name, 'float32')] : [])], steps.length)
  return { ...plan, also: split ? [source] : [] }
}

/**
 * What a step of preparation takes to make a new data set out of another, whose files are not touched: what the step rewrites is copied,
 * everything else is named where it lies.
 */
export function planPrepare(
  { name, step }: PrepareRequest,
  known: KnownDataset & { data: DataConfig },
  folder: string,
  isOwn: boolean,
): Plan {
  const { data } = known
  if (step.task === 'split') {
    const files = data[step.from]
    if (!files) throw new AppError('usage', `The data set has no split ${step.from}`, { key: 'from' })
    return planOf(name, folder, [splitting(step, files.df_file, folder, name)])
  }
  if (step.task === 'dedupe') return planDedupe(step, known, folder, name)
  if (isOwn)
    return { ...planOf(known.name, path.dirname(known.file), [command(step, known.file, known.name)]), fresh: false }
  const { copies, section } = forked(step, data, folder)
  const before = [
    ...writeSection(name, folder, section).slice(0, 1),
    ...copies,
    ...writeSection(name, folder, section).slice(1),
  ]
  const all = [...before, command(step, path.join(folder, DATA_CONFIG_FILE), name)]
  // Vectors so far are in a cache: with the copy there the same goes on from there.
  return planOf(name, folder, all, step.task === 'embed' ? before.length : all.length)
}

function planDedupe(
  { conflicts }: Extract<PrepareStep, { task: 'dedupe' }>,
  { data }: { data: DataConfig },
  folder: string,
  name: string,
): Plan {
  const steps: PlanStep[] = []
  const splits: Partial<Record<SplitName, SplitFiles>> = {}
  for (const split of SPLIT_NAMES) {
    const files = data[split]
    if (!files) continue
    const df_file = `df_${split}${path.extname(files.df_file) === '.parquet' ? '.parquet' : '.jsonl'}`
    steps.push({
      type: 'delta',
      label: `Removing repetitions of ${split}`,
      verb: 'dedupe',
      args: [
        ['input', files.df_file],
        ['output', path.join(folder, df_file)],
        ['conflicts', conflicts],
      ],
    })
    splits[split] = { ...files, df_file }
  }
  const [makeFolder, ...write] = writeSection(name, folder, sectionOf(data, splits))
  return planOf(name, folder, [makeFolder!, ...steps, ...write])
}

/** A section in the new folder with the same settings; paths that are not given stay where they are. */
function sectionOf(data: DataConfig, splits: Partial<Record<SplitName, SplitFiles>>, withEmbedder = true): Section {
  const { vocab_file, prefix_columns, embedder } = data
  const { train = data.train, ...others } = splits
  return {
    dts_path: '.',
    ...(vocab_file !== undefined && { vocab_file }),
    ...(prefix_columns.length > 0 && { prefix_columns }),
    ...(withEmbedder && embedder && { embedder }),
    train,
    ...others,
  }
}

type ForkingStep = Extract<PrepareStep, { task: 'embed' | 'bow' | 'features' }>

function forked(step: ForkingStep, data: DataConfig, folder: string): { copies: PlanStep[]; section: Section } {
  const names = new Map<string, string>()
  const copies: PlanStep[] = []
  /** A file that several splits share is copied once. */
  const copy = (from: string, split: SplitName, made: boolean): string => {
    let name = names.get(from)
    if (name !== undefined) return name
    name = [...names.values()].includes(path.basename(from)) ? `${split}_${path.basename(from)}` : path.basename(from)
    names.set(from, name)
    if (!made) copies.push({ type: 'copy', from, to: path.join(folder, name) })
    return name
  }
  const splits: Partial<Record<SplitName, SplitFiles>> = {}
  for (const split of SPLIT_NAMES) {
    const files = data[split]
    if (!files) continue
    const rewritesPairs = step.task !== 'bow'
    const own = { ...files }
    if (rewritesPairs) own.df_file = copy(files.df_file, split, false)
    if (step.task !== 'features') own.text_file = copy(files.text_file, split, false)
    if (step.task === 'embed') {
      own.emb_file = copy(files.emb_file, split, true)
      delete own.reward_file
    }
    splits[split] = own
  }
  return { copies, section: sectionOf(data, splits, step.task !== 'embed') }
}

function command(step: ForkingStep, file: string, name: string): PlanStep {
  const set: [string, string][] = [
    ['dts_config_file', file],
    ['dts_name', name],
  ]
  switch (step.task) {
    case 'embed':
      return embedding(path.dirname(file), name, step.dtype, file)
    case 'bow': {
      const { min_df, max_df, max_words, min_letters, stop_words } = step
      const numbers = Object.entries({ min_df, max_df, max_words, min_letters, stop_words })
      return {
        type: 'delta',
        label: 'Counting words',
        verb: 'bow',
        args: [...set, ...numbers.map(([key, value]): [string, string] => [key, String(value)])],
      }
    }
    case 'features': {
      const { one_hot, scale, scaling, prefix, max_categories } = step
      if (one_hot.length + scale.length === 0)
        throw new AppError('usage', 'No column is chosen', {
          key: 'one_hot',
          fix: 'Choose columns to encode or scale.',
        })
      return {
        type: 'delta',
        label: 'Adding user features',
        verb: 'features',
        args: [
          ...set,
          ...(one_hot.length > 0 ? [['one_hot', listOf(one_hot)] satisfies [string, string]] : []),
          ...(scale.length > 0 ? [['scale', listOf(scale)] satisfies [string, string]] : []),
          ['scaling', scaling],
          ...(prefix !== '' ? [['prefix', prefix] satisfies [string, string]] : []),
          ['max_categories', String(max_categories)],
        ],
      }
    }
  }
}

function embedding(
  folder: string,
  name: string,
  dtype: 'float32' | 'float16',
  file: string = path.join(folder, DATA_CONFIG_FILE),
): PlanStep {
  return {
    type: 'delta',
    label: 'Making vectors with MiniLM',
    verb: 'embed',
    args: [
      ['dts_config_file', file],
      ['dts_name', name],
      ...(dtype === 'float16' ? [['dtype', dtype] satisfies [string, string]] : []),
    ],
  }
}

function splitting(step: SplitStep, input: string, folder: string, name: string): PlanStep {
  const { by, user, time, stratify, test, dev, unseen, per_user, shared_texts, format, seed } = step
  return {
    type: 'delta',
    label: 'Splitting',
    verb: 'split',
    args: [
      ['input', input],
      ['by', listOf(by)],
      ...(user !== 'u_id' ? [['user', user] satisfies [string, string]] : []),
      ...(by.includes('time') ? [['time', time] satisfies [string, string]] : []),
      ...(stratify.length > 0 ? [['stratify', listOf(stratify)] satisfies [string, string]] : []),
      ['test', String(test)],
      ['dev', String(dev)],
      ...(by.includes('user') ? [['unseen', String(unseen)] satisfies [string, string]] : []),
      ...(per_user ? [['per_user', ''] satisfies [string, string]] : []),
      ...(shared_texts === 'join' ? [['shared_texts', shared_texts] satisfies [string, string]] : []),
      ...(format === 'jsonl' ? [['format', format] satisfies [string, string]] : []),
      ['seed', String(seed)],
      ['dts_name', name],
      ['output', folder],
    ],
  }
}

/** @throws AppError `usage` for a name that the command line would take for two */
function listOf(names: readonly string[]): string {
  const odd = names.find((name) => name.includes(',') || name.trim() !== name || name === '')
  if (odd === undefined) return names.join(',')
  throw new AppError('usage', `The column "${odd}" cannot be named in a list`, { column: odd, fix: 'Rename it first.' })
}

function writeSection(name: string, folder: string, section: Section): PlanStep[] {
  return [
    { type: 'folder', path: folder },
    { type: 'write', file: path.join(folder, DATA_CONFIG_FILE), text: sectionYaml(name, section) },
  ]
}

function planOf(name: string, folder: string, steps: readonly PlanStep[], lasting = steps.length): Plan {
  return { name, folder, also: [], file: path.join(folder, DATA_CONFIG_FILE), steps, lasting, fresh: true }
}

/** Flags as the program is given them: `--flag=value` cannot be taken for another flag, whatever the value. */
export function flagsOf(args: readonly [string, string][]): string[] {
  return args.map(([flag, value]) => (value === '' ? `--${flag}` : `--${flag}=${value}`))
}

/** The same steps for a person with a shell. */
export function planCommands({ steps }: Plan): string {
  return steps
    .map((step) => {
      switch (step.type) {
        case 'folder':
          return `mkdir -p ${quote(step.path)}`
        case 'copy':
          return `cp ${quote(step.from)} ${quote(step.to)}`
        case 'write':
          return `cat > ${quote(step.file)} <<'YAML'\n${step.text}YAML`
        case 'delta': {
          const flags = step.args.map(([flag, value]) => {
            if (value === '') return `--${flag}`
            return value.startsWith('-') ? quote(`--${flag}=${value}`) : `--${flag} ${quote(value)}`
          })
          return `npm run -s delta -- data ${step.verb} ${flags.join(' ')}`
        }
      }
    })
    .join('\n')
}
