import type { SplitFiles } from '../../shared/config/data'
import { nearest } from '../../shared/config/nearest'
import type { ProblemKind, SplitName, SplitSummary, UserId } from '../../shared/domain/dataset'
import { featureColumns, ID_COLUMN, indexColumn, TEXT_COLUMNS, USER_COLUMN, type TextColumn } from './features'
import type { ReadOptions } from './files'
import { readFrame, TEXT_INVALID, TEXT_MISSING, type FrameBatch, type FrameFormat } from './frame'
import { Hash64Map, Hasher64 } from './hash'
import type { ProblemLog, ProblemText } from './problems'
import { splitBit, type PairRegistry, type UserRegistry } from './registry'
import type { Source } from './sources'
import { toFeature, toIdentifier, toIndex, type Checked } from './values'

/** What all splits share during one pass. */
export interface PassState extends ReadOptions {
  readonly problems: ProblemLog
  readonly users: UserRegistry
  readonly pairs: PairRegistry
  readonly prefixes: readonly string[]
  /** The features in use, given those that a split's file has. */
  readonly selectFeatures: (split: SplitName, own: readonly string[]) => readonly string[]
  /** Whether the columns are kept for training. */
  readonly keep: boolean
}

/** Columns of some rows. Users are numbered by the {@link UserRegistry}; -1 stands where a value is unusable. */
export interface SplitColumns {
  readonly users: Int32Array
  /** Rows of the text and embedding files. */
  readonly texts: Readonly<Record<TextColumn, Int32Array>>
  readonly ids: readonly UserId[] | null
  /** [rows, features] row-major. */
  readonly features: Float32Array
}

export interface SplitReading {
  readonly summary: SplitSummary
  /** Consecutive pieces of the split; none unless the state says to keep them. */
  readonly pieces: readonly SplitColumns[]
}

/** Of fewer rows the greater part says nothing. */
const FEWEST_ROWS_TO_JUDGE = 10

/** Reads and checks the pairs of one split; faults in the data go to the state's problems. */
export async function readSplit(
  split: SplitName,
  files: SplitFiles,
  source: Source,
  state: PassState,
): Promise<SplitReading> {
  const reader = new SplitReader(split, files, source, state)
  await reader.read()
  return reader
}

const FAULT_KIND = { missing: 'value_missing', invalid: 'value_invalid' } as const

class SplitReader implements SplitReading {
  readonly pieces: SplitColumns[] = []
  private readonly split: SplitName
  private readonly files: SplitFiles
  private readonly source: Source
  private readonly state: PassState
  private readonly bit: number
  /** Rows that an index may point at. */
  private readonly limit: number
  private readonly usedTexts: Uint8Array
  private readonly idsSeen = new Hash64Map()
  private readonly hasher = new Hasher64()
  private format: FrameFormat = 'jsonl'
  private present: ReadonlySet<string> = new Set()
  private byIndex = false
  private ownFeatures: readonly string[] = []
  private features: readonly string[] = []
  private rows = 0
  private malformed = 0
  private readonly mismatches = new Map<TextColumn, number>()
  private userCount = 0
  private textCount = 0

  constructor(split: SplitName, files: SplitFiles, source: Source, state: PassState) {
    this.split = split
    this.files = files
    this.source = source
    this.state = state
    this.bit = splitBit(split)
    this.limit = source.vectors?.rows ?? source.texts?.rows ?? Infinity
    this.usedTexts = new Uint8Array(Math.max(source.vectors?.rows ?? 0, source.texts?.rows ?? 0))
  }

  get summary(): SplitSummary {
    return {
      split: this.split,
      pairs: this.rows,
      users: this.userCount,
      texts: this.textCount,
      width: this.source.vectors?.width ?? 0,
      featureColumns: this.ownFeatures,
    }
  }

  async read(): Promise<void> {
    const { files, source, state, split } = this
    try {
      await readFrame(files.df_file, {
        signal: state.signal,
        onBytes: state.onBytes,
        select: (columns, format) => this.select(columns, format),
        // Without the texts only what does not need them is checked.
        encodeText: source.texts ? (text) => source.texts!.find(text) : () => 0,
        onBatch: (batch) => this.addBatch(batch),
        onMalformed: (row, reason) => {
          this.malformed++
          this.report('row_malformed', undefined, row, () => ({
            message: `Row ${row}: ${reason}`,
            fix: 'Write one JSON object on each line.',
          }))
        },
      })
    } catch (error) {
      state.problems.addFileError(error, { split, file: files.df_file })
      return
    }
    this.judgeAlignment()
    if (this.rows === 0 && this.malformed === 0) {
      this.state.problems.add('split_empty', { split, file: files.df_file }, () => ({
        message: `The ${split} split has no pairs`,
        fix: split === 'train' ? 'Give it pairs.' : 'Give it pairs, or leave the split out of the data configuration.',
      }))
    }
  }

  /** One odd row is a slip; most of them are another data set's text_file. */
  private judgeAlignment(): void {
    for (const [column, count] of this.mismatches) {
      if (this.rows < FEWEST_ROWS_TO_JUDGE || 2 * count <= this.rows) continue
      this.report('texts_misaligned', column, undefined, () => ({
        message: `${count} of ${this.rows} rows name another text by ${indexColumn(column)} than stands in ${column}`,
        fix: `Most likely ${this.files.text_file} belongs to other pairs, or is in another order: check text_file and emb_file.`,
      }))
    }
  }

  /** Decides which columns to read, once the file's columns are known. */
  private select(columns: readonly string[], format: FrameFormat): { values: string[]; texts: string[] } {
    this.format = format
    this.present = new Set(columns)
    const indexColumns = TEXT_COLUMNS.map(indexColumn)
    this.byIndex = indexColumns.some((name) => this.present.has(name))
    for (const name of [USER_COLUMN, ...TEXT_COLUMNS, ...(this.byIndex ? indexColumns : [])]) {
      if (this.present.has(name)) continue
      this.report('column_missing', name, undefined, () => ({
        message: `The column "${name}" is missing${similarTo(name, columns)}`,
        fix: indexColumns.includes(name)
          ? 'Give all three index columns, or none to have the texts looked up in text_file.'
          : `Columns here: ${columns.join(', ').slice(0, 300) || 'none'}.`,
      }))
    }
    this.ownFeatures = featureColumns(columns, this.state.prefixes)
    this.features = this.state.selectFeatures(this.split, this.ownFeatures)
    const values = [USER_COLUMN, ID_COLUMN, ...indexColumns, ...this.features]
    return {
      values: values.filter((name) => this.present.has(name)),
      texts: TEXT_COLUMNS.filter((n) => this.present.has(n)),
    }
  }

  private addBatch(batch: FrameBatch): void {
    const users = this.readUsers(batch)
    const texts = {
      prompt: this.readTextColumn(batch, 'prompt'),
      chosen: this.readTextColumn(batch, 'chosen'),
      rejected: this.readTextColumn(batch, 'rejected'),
    }
    const ids = this.readIds(batch)
    const features = this.readFeatures(batch)
    for (let i = 0; i < batch.rows; i++) this.checkPair(batch.firstRow + i, users[i]!, texts, i)
    this.rows += batch.rows
    if (this.state.keep) this.pieces.push({ users, texts, ids, features })
  }

  private readUsers(batch: FrameBatch): Int32Array {
    const users = new Int32Array(batch.rows).fill(-1)
    if (!this.present.has(USER_COLUMN)) return users
    const values = batch.values(USER_COLUMN)
    for (let i = 0; i < users.length; i++) {
      const row = batch.firstRow + i
      const checked = toIdentifier(values[i])
      if (checked.fault) {
        this.reportValue(checked, USER_COLUMN, row, values[i], 'an integer or a string')
        continue
      }
      const user = this.state.users.codeOf(checked.value)
      users[i] = user
      if (this.state.users.mark(user, this.bit)) this.userCount++
      if (this.split === 'test_unseen' && this.state.users.isIn(user, 'train')) {
        this.report('unseen_user_in_train', USER_COLUMN, row, () => ({
          message: `User ${show(checked.value)} of test_unseen is also in train`,
          fix: 'Take the pairs of these users out of train or out of test_unseen.',
        }))
      }
    }
    return users
  }

  /** Rows of the text and embedding files for one side of the pairs, -1 where unusable. */
  private readTextColumn(batch: FrameBatch, column: TextColumn): Int32Array {
    const codes = this.present.has(column) ? batch.texts(column) : null
    for (let i = 0; codes && i < codes.length; i++) {
      if (codes[i]! >= -1) continue
      const kind = codes[i] === TEXT_MISSING ? 'value_missing' : 'value_invalid'
      this.report(kind, column, batch.firstRow + i, () => ({
        message: `${column} ${codes[i] === TEXT_INVALID ? 'is not a string' : 'has no value'}`,
        fix: 'Every row needs its prompt and both answers as text.',
      }))
    }
    return this.byIndex ? this.readIndices(batch, column, codes) : this.lookUp(batch, column, codes)
  }

  private readIndices(batch: FrameBatch, column: TextColumn, codes: Int32Array | null): Int32Array {
    const name = indexColumn(column)
    const indices = new Int32Array(batch.rows).fill(-1)
    if (!this.present.has(name)) return indices
    const { texts } = this.source
    const values = batch.values(name)
    for (let i = 0; i < indices.length; i++) {
      const row = batch.firstRow + i
      const checked = toIndex(values[i])
      if (checked.fault) {
        this.reportValue(checked, name, row, values[i], 'an integer')
        continue
      }
      const index = checked.value
      if (index < 0 || index >= this.limit) {
        this.report('index_out_of_range', name, row, () => ({
          message: `${name} is ${show(values[i])}, but there are ${this.limit} embeddings, 0 to ${this.limit - 1}`,
          fix: 'Indices are row numbers of this split’s own emb_file, counted from 0.',
        }))
        continue
      }
      indices[i] = index
      if (!codes || !texts || codes[i]! < -1 || index >= texts.rows || codes[i] === texts.firstOf(index)) continue
      this.mismatches.set(column, (this.mismatches.get(column) ?? 0) + 1)
      this.report('text_mismatch', column, row, () => ({
        message: `${column} is not the text that ${name} ${index} points at`,
        fix: 'Training uses the index. Make the index columns again if the row’s text is the right one.',
      }))
    }
    return indices
  }

  private lookUp(batch: FrameBatch, column: TextColumn, codes: Int32Array | null): Int32Array {
    if (!codes || !this.source.texts) return new Int32Array(batch.rows).fill(-1)
    for (let i = 0; i < codes.length; i++) {
      if (codes[i] !== -1) continue
      this.report('text_not_found', column, batch.firstRow + i, () => ({
        message: `${column} does not stand in text_file (${this.files.text_file})`,
        fix: 'Add the text to text_file and its vector to emb_file; texts must agree to the character.',
      }))
    }
    return codes
  }

  private readIds(batch: FrameBatch): UserId[] | null {
    if (!this.present.has(ID_COLUMN)) return null
    const ids: UserId[] = []
    const values = batch.values(ID_COLUMN)
    for (let i = 0; i < batch.rows; i++) {
      const row = batch.firstRow + i
      const checked = toIdentifier(values[i])
      if (checked.fault) {
        this.reportValue(checked, ID_COLUMN, row, values[i], 'an integer or a string')
        continue
      }
      if (this.state.keep) ids.push(checked.value)
      const { lo, hi } = this.hasher
        .reset()
        .word(typeof checked.value === 'number' ? 1 : 2)
        .text(`${checked.value}`)
        .finish()
      if (this.idsSeen.replace(lo, hi, 1) < 0) continue
      this.report('id_repeated', ID_COLUMN, row, () => ({
        message: `The id ${show(checked.value)} stands in an earlier row of this split`,
        fix: 'Harmless for training; give each row its own id to tell predictions apart.',
      }))
    }
    return ids
  }

  private readFeatures(batch: FrameBatch): Float32Array {
    const width = this.features.length
    const features = new Float32Array(batch.rows * width)
    for (const [column, name] of this.features.entries()) {
      if (!this.present.has(name)) continue
      const values = batch.values(name)
      for (let i = 0; i < batch.rows; i++) {
        const checked = toFeature(values[i])
        if (checked.fault) this.reportValue(checked, name, batch.firstRow + i, values[i], 'a finite number')
        else features[i * width + column] = checked.value
      }
    }
    return features
  }

  private checkPair(row: number, user: number, columns: SplitColumns['texts'], i: number): void {
    const prompt = this.use(columns.prompt[i]!)
    const chosen = this.use(columns.chosen[i]!)
    const rejected = this.use(columns.rejected[i]!)
    if (chosen >= 0 && chosen === rejected) {
      this.report('chosen_equals_rejected', 'chosen', row, () => ({
        message: 'chosen and rejected are the same text',
        fix: 'The row is kept; it only adds a constant to the loss.',
      }))
    }
    const { texts } = this.source
    if (!texts || user < 0 || prompt < 0 || chosen < 0 || rejected < 0) return
    if (Math.max(prompt, chosen, rejected) >= texts.rows) return
    if (!this.state.pairs.add(user, texts, { prompt, chosen, rejected }, this.bit)) return
    this.report('pair_in_two_splits', undefined, row, () => ({
      message: 'The same user judges the same two answers to the same prompt in an earlier split',
      fix: 'Rows are kept, but the evaluation has seen their answer: take them out of one of the splits.',
    }))
  }

  /** Notes the use of a text. @returns the first row that holds the same text, so that equal texts are equal rows */
  private use(index: number): number {
    const { texts } = this.source
    if (index < 0) return -1
    const first = texts && index < texts.rows ? texts.firstOf(index) : index
    if (this.usedTexts[first] === 0) {
      this.usedTexts[first] = 1
      this.textCount++
    }
    return first
  }

  private reportValue(checked: Checked<unknown>, column: string, row: number, value: unknown, wanted: string): void {
    if (!checked.fault) return
    const message =
      checked.fault === 'missing' ? `${column} has no value` : `${column} is ${show(value)}, not ${wanted}`
    this.report(FAULT_KIND[checked.fault], column, row, () => ({
      message,
      fix: `Every row needs ${wanted} in this column.`,
    }))
  }

  private report(
    kind: ProblemKind,
    column: string | undefined,
    row: number | undefined,
    describe: () => ProblemText,
  ): void {
    const place = {
      split: this.split,
      file: this.files.df_file,
      ...(column !== undefined && { column }),
      ...(row !== undefined && { row }),
      ...(row !== undefined && this.format === 'jsonl' && { line: row + 1 }),
    }
    this.state.problems.add(kind, place, describe)
  }
}

/** A value as a message shows it: short, on one line. */
function show(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' ? 'an object' : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** A column that may be the missing one under another name; one that has its own meaning is not. */
function similarTo(name: string, columns: readonly string[]): string {
  const own: string[] = [USER_COLUMN, ID_COLUMN, ...TEXT_COLUMNS, ...TEXT_COLUMNS.map(indexColumn)]
  const others = columns.filter((column) => !own.includes(column))
  const similar =
    nearest(name, others) ?? others.find((column) => column.replaceAll(/[^a-z]/gi, '').toLowerCase() === ALIASES[name])
  return similar === undefined ? '' : `; "${similar}" looks like it`
}

/** What others call the columns. */
const ALIASES: Readonly<Record<string, string>> = { u_id: 'userid' }
