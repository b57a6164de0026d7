import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { dump } from 'js-yaml'
import { generate, type SyntheticSize } from './synthetic'
import { Missing } from './missing'
import type { Setting } from './question'
import { ROOT, SHARED } from './root'

/** A data set as both sides read it. */
export interface BenchData {
  /** For tables. */
  title: string
  /** The section's name and the YAML file it stands in. */
  name: string
  config: string
  /** The training pairs and vectors, absolute. */
  frame: string
  vectors: string
  /** The validation pairs, where they matter. */
  judged?: string
}

interface Files {
  df_file: string
  text_file: string
  emb_file: string
}

/** The reference's SimplER set: 1,728 training pairs over 320 texts × 1,536. */
export function simpler(setting: Setting): BenchData {
  const files = (split: string): Files => ({
    df_file: `dataset_pairwise_preferences_${split}_with_emb_and_ohe.parquet`,
    text_file: `texts_${split}.json`,
    emb_file: `emb_${split}.npy`,
  })
  return shared(setting, 'SimplER', 'simpler', { train: files('train'), dev: files('dev') })
}

/** UKPConvArg1: 30,259 training pairs over 1,070 texts × 384. @param more splits beside train and dev */
export function convarg(setting: Setting, more: readonly string[] = []): BenchData {
  const files = (split: string): Files => ({
    df_file: `df_${split}.parquet`,
    text_file: 'texts.json',
    emb_file: 'emb.npy',
  })
  const splits = ['train', 'dev', ...more].map((split): [string, Files] => [split, files(split)])
  return shared(setting, 'convarg', 'convarg', Object.fromEntries(splits))
}

function shared(setting: Setting, title: string, folder: string, splits: Record<string, Files>): BenchData {
  const home = path.join(SHARED, 'data', folder)
  if (!existsSync(home)) throw new Missing(`the data is missing: ${path.relative(ROOT, home)}`)
  return section(setting, title, home, splits)
}

/** PRISM's size (Kirk et al. 2024: 68,371 texts of 1,500 users), every answer in one pair. */
export const PRISM: SyntheticSize = { pairs: 27_000, prompts: 14_000, answers: 54_000, width: 1536, users: 1500 }
/** A tenth of it, for a smoke run. */
export const PRISM_QUICK: SyntheticSize = { pairs: 2_700, prompts: 1_400, answers: 5_400, width: 1536, users: 150 }

export function prism(setting: Setting): BenchData {
  return synthetic(setting, prismTitle(setting), setting.quick ? PRISM_QUICK : PRISM)
}

const prismTitle = ({ quick }: Setting): string => (quick ? 'PRISM-sized ÷ 10' : 'PRISM-sized')

/** A data set that a question opens when its turn comes; its title is known even where it is missing. */
export interface Opener {
  title: string
  open: (setting: Setting) => BenchData
}

/** The three data sets of the main comparisons. */
export function dataSets(setting: Setting): Opener[] {
  return [
    { title: 'SimplER', open: simpler },
    { title: 'convarg', open: convarg },
    { title: prismTitle(setting), open: prism },
  ]
}

/** Generated once and kept; a run that is cut off leaves nothing that looks finished. */
export function synthetic(setting: Setting, title: string, size: SyntheticSize): BenchData {
  const key = `${size.pairs}-${size.prompts}-${size.answers}-${size.width}-${size.users}`
  const home = path.join(setting.folder, 'data', `synthetic-${key}`)
  if (!existsSync(home)) {
    const draft = `${home}.${process.pid}`
    mkdirSync(draft, { recursive: true })
    try {
      generate(draft, size)
      renameSync(draft, home)
    } finally {
      rmSync(draft, { recursive: true, force: true })
    }
  }
  const train: Files = { df_file: 'train.parquet', text_file: 'texts.json', emb_file: 'emb.npy' }
  return section(setting, title, home, { train })
}

/** Writes the section that `delta train` reads. */
export function section(setting: Setting, title: string, home: string, splits: Record<string, Files>): BenchData {
  const name = path.basename(home)
  const config = path.join(setting.folder, 'data', `${name}.yaml`)
  mkdirSync(path.dirname(config), { recursive: true })
  writeFileSync(config, dump({ [name]: { dts_path: home, ...splits } }))
  const { df_file, emb_file } = splits['train']!
  return { title, name, config, frame: path.join(home, df_file), vectors: path.join(home, emb_file) }
}
