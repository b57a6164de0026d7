import type { DataConfig } from '../../shared/config/data'
import type { TableDtype } from '../../shared/config/trainer'
import {
  SPLIT_NAMES,
  type ProblemRows,
  type SplitName,
  type SplitSummary,
  type ValidationReport,
} from '../../shared/domain/dataset'
import type { Dataset, EmbeddingTable, PairSplit } from './dataset'
import type { AllocateTable } from './embeddingTable'
import { selectFeatures, type FeatureSelection } from './features'
import { regularFileSize } from './files'
import { ProblemLog } from './problems'
import { PairRegistry, UserRegistry } from './registry'
import { Sources, type Vectors } from './sources'
import { readSplit, type PassState, type SplitColumns, type SplitReading } from './splitReader'
import { compareUserIds } from './values'

/** Bytes over all files of the data set, each counted once. */
export interface DataProgress {
  readonly bytesRead: number
  readonly bytesTotal: number
}

export interface DataOptions {
  /** The user features to check (and load); all by default. Others are neither read nor checked. */
  features?: FeatureSelection
  signal?: AbortSignal
  onProgress?: (progress: DataProgress) => void
  /** Whether every row of a problem is wanted, not only the first. */
  keepRows?: boolean
}

export interface PrepareOptions extends DataOptions {
  /** Number type of the embedding tables; float32 by default. */
  tableDtype?: TableDtype
  /** Gives the memory that an embedding file is read into. */
  allocate?: AllocateTable
}

export interface PreparedDataset {
  readonly report: ValidationReport
  /** Null when the report holds an error. */
  readonly dataset: Dataset | null
  /** Of each problem of the report, where they are kept. */
  readonly problemRows?: readonly ProblemRows[]
}

/**
 * Validates and loads a data set in one pass, so that every file is read once.
 *
 * @throws AppError `config_invalid` for an unknown feature, `stopped`
 */
export async function prepareDataset(data: DataConfig, options: PrepareOptions = {}): Promise<PreparedDataset> {
  return readData(data, options, true)
}

/** The pass behind validation and loading; without `keep` it holds neither embeddings nor columns. */
export async function readData(data: DataConfig, options: PrepareOptions, keep: boolean): Promise<PreparedDataset> {
  const problems = new ProblemLog(options.keepRows)
  const onBytes = options.onProgress && (await progressCounter(data, options.onProgress))
  const { signal, allocate, tableDtype } = options
  const sources = new Sources(data, problems, { keep, signal, onBytes, allocate, tableDtype })
  const features = new FeatureChoice(data, options.features ?? 'all', problems)
  const state: PassState = {
    problems,
    users: new UserRegistry(),
    pairs: new PairRegistry(),
    prefixes: data.prefix_columns,
    selectFeatures: (split, own) => features.select(split, own),
    keep,
    signal,
    onBytes,
  }
  if (data.vocab_file !== undefined) await sources.checkExists(data.vocab_file)

  const summaries: SplitSummary[] = []
  const loaded = new Map<SplitName, PairSplit>()
  // `train` comes first: the others are held against it.
  for (const split of SPLIT_NAMES) {
    const files = data[split]
    if (!files) continue
    const source = await sources.open(split)
    const reading = await readSplit(split, files, source, state)
    summaries.push(reading.summary)
    const pairs = keep ? assemble(reading, source.vectors, features.count) : null
    if (pairs) loaded.set(split, pairs)
  }

  const report = { problems: problems.list(), splits: summaries }
  const train = loaded.get('train')
  if (problems.hasErrors || !train) return { report, dataset: null, problemRows: problems.rows() }
  const { users, trainedUsers, rank } = orderUsers(state.users)
  for (const pairs of loaded.values()) pairs.users.forEach((user, i) => (pairs.users[i] = rank[user]!))
  const dataset: Dataset = {
    name: data.dts_name,
    users,
    trainedUsers,
    width: train.table.width,
    featureColumns: features.chosen,
    splits: { ...Object.fromEntries(loaded), train },
  }
  return { report, dataset }
}

/** The features in use, fixed by the training split; every other split must have them. */
class FeatureChoice {
  chosen: readonly string[] = []
  private known = false
  private readonly data: DataConfig
  private readonly selection: FeatureSelection
  private readonly problems: ProblemLog

  constructor(data: DataConfig, selection: FeatureSelection, problems: ProblemLog) {
    this.data = data
    this.selection = selection
    this.problems = problems
  }

  get count(): number {
    return this.chosen.length
  }

  select(split: SplitName, own: readonly string[]): readonly string[] {
    if (split === 'train') {
      this.chosen = selectFeatures(this.selection, own)
      this.known = true
      return this.chosen
    }
    // Nothing to compare with when train is unreadable, which is an error already.
    if (!this.known) return []
    const missing = this.chosen.filter((name) => !own.includes(name))
    const extra = this.selection === 'all' ? own.filter((name) => !this.chosen.includes(name)) : []
    const [first] = [...missing, ...extra]
    if (first !== undefined) {
      const file = this.data[split]!.df_file
      const describe = (): { message: string; fix: string } => ({
        message:
          missing.length > 0
            ? `Feature columns of train are missing here: ${missing.join(', ')}`
            : `Feature columns are not in train: ${extra.join(', ')}`,
        fix: 'All splits need the same feature columns; write 0 where a one-hot category does not occur.',
      })
      this.problems.add('features_mismatch', { split, file, column: first }, describe, missing.length + extra.length)
    }
    return this.chosen
  }
}

function assemble(reading: SplitReading, vectors: Vectors | null, features: number): PairSplit | null {
  const table: EmbeddingTable | null = vectors?.table ?? null
  if (!table) return null
  const { pieces, summary } = reading
  const join = (pick: (piece: SplitColumns) => Int32Array): Int32Array =>
    concat(pieces.map(pick), new Int32Array(summary.pairs))
  return {
    name: summary.split,
    pairs: summary.pairs,
    table,
    users: join((piece) => piece.users),
    prompts: join((piece) => piece.texts.prompt),
    chosen: join((piece) => piece.texts.chosen),
    rejected: join((piece) => piece.texts.rejected),
    ids: pieces[0]?.ids ? pieces.flatMap((piece) => piece.ids ?? []) : null,
    features:
      features === 0
        ? null
        : concat(
            pieces.map((piece) => piece.features),
            new Float32Array(summary.pairs * features),
          ),
  }
}

function concat<T extends Int32Array | Float32Array>(pieces: readonly T[], into: T): T {
  let offset = 0
  for (const piece of pieces) {
    into.set(piece, offset)
    offset += piece.length
  }
  return into
}

/** Users of train sorted, then the others sorted; `rank[code]` is a user's place in that order. */
function orderUsers(registry: UserRegistry): { users: Dataset['users']; trainedUsers: number; rank: Int32Array } {
  const order = registry.ids.map((id, code) => ({ id, code, trained: registry.isIn(code, 'train') }))
  order.sort((a, b) => Number(b.trained) - Number(a.trained) || compareUserIds(a.id, b.id))
  const rank = new Int32Array(order.length)
  order.forEach(({ code }, place) => (rank[code] = place))
  return { users: order.map(({ id }) => id), trainedUsers: order.filter(({ trained }) => trained).length, rank }
}

async function progressCounter(
  data: DataConfig,
  onProgress: (progress: DataProgress) => void,
): Promise<(bytes: number) => void> {
  const once = new Set<string>()
  let bytesTotal = 0
  for (const split of SPLIT_NAMES) {
    const files = data[split]
    if (!files) continue
    for (const file of [files.text_file, files.emb_file]) once.add(file)
    bytesTotal += await sizeOrZero(files.df_file)
  }
  for (const file of once) bytesTotal += await sizeOrZero(file)
  let bytesRead = 0
  return (bytes) => {
    bytesRead += bytes
    onProgress({ bytesRead, bytesTotal: Math.max(bytesTotal, bytesRead) })
  }
}

/** A missing file is reported when its turn comes. */
async function sizeOrZero(file: string): Promise<number> {
  try {
    return await regularFileSize(file)
  } catch {
    return 0
  }
}
