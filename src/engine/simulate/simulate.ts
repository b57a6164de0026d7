import fs from 'node:fs'
import path from 'node:path'
import type { z } from 'zod'
import type { Work } from '../../shared/api/engineProtocol'
import type { embedderSchema } from '../../shared/config/data'
import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import { TRUTH_FILES, type SimulationOptions, type SimulationResult, type Truth } from '../../shared/domain/simulation'
import { throwIfStopped } from '../data/files'
import { writeNpyPieces } from '../data/npy'
import { DATA_CONFIG_FILE, dataSectionYaml } from '../data/write/dataSection'
import { newFolder } from '../data/write/newFolder'
import { TextsFile } from '../data/write/textFile'
import { encodeSafetensors } from '../run/safetensors'
import { judge } from './judgements'
import { PairsFile } from './pairsFile'
import { vectorsOf } from './vectors'
import { drawWorld, textOf, type World } from './world'

type Embedder = z.infer<typeof embedderSchema>

export interface SimulateRequest {
  /** Absolute; must be new or empty. */
  readonly output: string
  readonly dts_name: string
  readonly options: SimulationOptions
}

/** Judgements between two looks at the signal, and between two reports. */
const LOOK_EVERY = 5_000

/**
 * Writes a whole simulated data set: pairs of every split, texts, vectors, the truth, and a section of a data
 * configuration. Memory: the truth (4 A bytes a text and a user), one row group of each split, 4 MiB of vectors.
 *
 * @throws AppError `usage` when the folder is not empty, `unwritable`, `stopped`
 */
export async function simulate(
  { output, dts_name, options }: SimulateRequest,
  onWork: (work: Work) => void,
  signal?: AbortSignal,
): Promise<SimulationResult> {
  const started = performance.now()
  return newFolder(output, async (folder) => {
    const world = drawWorld(options)
    const splits = await writePairs(folder, world, onWork, signal)
    writeTexts(path.join(folder, FILES.text_file), world, signal)
    const shape = [options.texts, options.width] as const
    let done = 0
    await writeNpyPieces(path.join(folder, FILES.emb_file), vectorsOf(world), shape, (values) => {
      throwIfStopped(signal)
      done += values
      onWork({ what: 'vectors', done: Math.floor(done / options.width), total: options.texts })
    })
    writeTruth(folder, world, splits)
    const section = dataSectionYaml(dts_name, {
      dts_path: '.',
      embedder: embedder(options),
      ...Object.fromEntries(splits.map(({ split }) => [split, { df_file: pairsFile(split), ...FILES }])),
      train: { df_file: pairsFile('train'), ...FILES },
    })
    fs.writeFileSync(path.join(folder, DATA_CONFIG_FILE), section)
    const bytes = fs.readdirSync(folder).reduce((sum, name) => sum + fs.statSync(path.join(folder, name)).size, 0)
    const seconds = (performance.now() - started) / 1000
    return { dir: output, dts_name, options, questions: world.questions.count, splits, bytes, seconds }
  })
}

const FILES = { text_file: 'texts.json', emb_file: 'emb.npy' }
const pairsFile = (split: SplitName): string => `df_${split}.parquet`

function embedder({ attributes, width }: SimulationOptions): Embedder {
  return { provider: 'simulation', model: `attributes-${attributes}`, dim: width, normalized: false }
}

function writeTexts(file: string, world: World, signal?: AbortSignal): void {
  const texts = new TextsFile(file)
  for (let row = 0; row < world.options.texts; row++) texts.add(textOf(world, row))
  texts.finish()
  throwIfStopped(signal)
}

class SplitTally {
  pairs = 0
  ties = 0
  best = 0
  readonly users = new Set<number>()
}

async function writePairs(
  folder: string,
  world: World,
  onWork: (work: Work) => void,
  signal?: AbortSignal,
): Promise<SimulationResult['splits']> {
  const tallies = new Map<SplitName, SplitTally>()
  const files = new Map<SplitName, PairsFile>()
  for (const judgement of judge(world)) {
    const { split, id, user, tie, best } = judgement
    let file = files.get(split)
    if (!file) files.set(split, (file = new PairsFile(path.join(folder, pairsFile(split)), world)))
    await file.add(judgement)
    let tally = tallies.get(split)
    if (!tally) tallies.set(split, (tally = new SplitTally()))
    tally.pairs++
    tally.best += best
    tally.users.add(user)
    if (tie) tally.ties++
    if ((id + 1) % LOOK_EVERY !== 0) continue
    throwIfStopped(signal)
    onWork({ what: 'pairs', done: id + 1, total: world.options.pairs })
  }
  for (const file of files.values()) await file.finish()
  return SPLIT_NAMES.flatMap((split) => {
    const tally = tallies.get(split)
    if (!tally) return []
    const { pairs, ties, best, users } = tally
    return [{ split, pairs, users: users.size, ties, best_acc: best / pairs }]
  })
}

/** `users` [U, A], `drift` [U, A] where there is one, `attributes` [texts, A], `directions` [A, D]. */
function writeTruth(folder: string, world: World, splits: SimulationResult['splits']): void {
  const { options, users, drift, attributes, directions, clusters, unseen } = world
  const A = options.attributes
  const arrays = [
    { name: 'users', shape: [options.users, A], values: users },
    ...(drift.length > 0 ? [{ name: 'drift', shape: [options.users, A], values: drift }] : []),
    { name: 'attributes', shape: [options.texts, A], values: attributes },
    { name: 'directions', shape: [A, options.width], values: directions },
  ]
  const about: Truth = {
    format: 1,
    options,
    unseen_users: Array.from(unseen.keys()).filter((user) => unseen[user] === 1),
    clusters: Array.from(clusters),
    splits: [...splits],
  }
  fs.writeFileSync(path.join(folder, TRUTH_FILES.arrays), encodeSafetensors(arrays))
  fs.writeFileSync(path.join(folder, TRUTH_FILES.about), `${JSON.stringify(about)}\n`)
}
