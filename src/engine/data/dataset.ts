import type { SplitName, UserId } from '../../shared/domain/dataset'

/**
 * Memory that a table lies in: row i starts at element `i * stride`, and elements between the width and the stride are
 * zero. float16 values are the bits of IEEE 754 halves.
 */
export type TableMemory =
  | { readonly dtype: 'float32'; readonly values: Float32Array; readonly stride: number }
  | { readonly dtype: 'float16'; readonly values: Uint16Array; readonly stride: number }

/** Frozen text vectors, [rows, width]. Splits that name the same file share one table. */
export type EmbeddingTable = TableMemory & {
  readonly file: string
  readonly rows: number
  readonly width: number
}

/** Word counts of a split's texts as compressed sparse rows, aligned with `text_file`. */
export interface BagOfWords {
  readonly file: string
  readonly rows: number
  readonly words: number
  /** [rows + 1] row i holds the entries from offsets[i] up to offsets[i + 1]. */
  readonly offsets: Int32Array
  /** Columns, lines of `vocab_file`; a column that stands twice in a row counts twice. */
  readonly indices: Int32Array
  readonly counts: Float32Array
}

/** The pairs of one split, columnar. All arrays but `features` have length `pairs`. */
export interface PairSplit {
  readonly name: SplitName
  readonly pairs: number
  readonly table: EmbeddingTable
  /** Index into {@link Dataset.users}; an index ≥ `trainedUsers` is a user the training split does not know. */
  readonly users: Int32Array
  /** Rows of `table`. */
  readonly prompts: Int32Array
  readonly chosen: Int32Array
  readonly rejected: Int32Array
  /** The data's own `id` column, or null where there is none. */
  readonly ids: readonly (string | number)[] | null
  /** [pairs, featureColumns.length] row-major, or null when no feature was asked for. */
  readonly features: Float32Array | null
  /** [pairs] r*_w − r*_l of the base reward; absent where it is zero everywhere. */
  readonly rewardMargin?: Float32Array
  /** Loaded for models that read words, see {@link Dataset.vocabulary}. */
  readonly bow?: BagOfWords
}

export interface Dataset {
  readonly name: string
  /** Every user of every split: those of `train` first (sorted), then the others (sorted). */
  readonly users: readonly UserId[]
  readonly trainedUsers: number
  readonly width: number
  /** The feature columns in use, in file order. */
  readonly featureColumns: readonly string[]
  /** The words of the bags of words; absent where none were loaded. */
  readonly vocabulary?: readonly string[]
  readonly splits: { readonly train: PairSplit } & Readonly<Partial<Record<SplitName, PairSplit>>>
}
