import type { DataConfig } from '../../shared/config/data'
import type { SplitName } from '../../shared/domain/dataset'
import type { EmbeddingTable } from './dataset'
import { regularFileSize, type ReadOptions } from './files'
import { readNpy, scanNpy, type MatrixFaults, type MatrixShape, type ReadNpyOptions } from './npy'
import { MOST_PROBLEM_ROWS, type ProblemLog, type ProblemText } from './problems'
import { TextTable } from './textTable'

/** A readable `emb_file`; the table only where the data set is being loaded. */
export interface Vectors {
  readonly rows: number
  readonly width: number
  readonly table: EmbeddingTable | null
}

export interface Source {
  readonly texts: TextTable | null
  readonly vectors: Vectors | null
}

/** Reads text and embedding files, each once however many splits name it, and reports what is wrong with them. */
export class Sources {
  private readonly textTables = new Map<string, TextTable | null>()
  private readonly vectorFiles = new Map<string, Vectors | null>()
  private readonly compared = new Set<string>()
  private readonly data: DataConfig
  private readonly problems: ProblemLog
  private readonly options: ReadNpyOptions & { keep: boolean }
  /** The first width met: the training split's, unless its file is unreadable. */
  private width: { value: number; from: string } | null

  constructor(data: DataConfig, problems: ProblemLog, options: ReadNpyOptions & { keep: boolean }) {
    this.data = data
    this.problems = problems
    this.options = options
    this.width = data.embedder ? { value: data.embedder.dim, from: 'embedder.dim of the data configuration' } : null
  }

  async open(split: SplitName): Promise<Source> {
    const files = this.data[split]
    if (!files) return { texts: null, vectors: null }
    const texts = await this.texts(split, files.text_file)
    const vectors = await this.vectors(split, files.emb_file)
    if (files.bow_file !== undefined) await this.checkExists(files.bow_file, split)
    const both = `${files.text_file}\0${files.emb_file}`
    if (texts && vectors && texts.rows !== vectors.rows && !this.compared.has(both)) {
      this.problems.add('length_mismatch', { split, file: files.emb_file }, () => ({
        message: `emb_file has ${vectors.rows} rows, but text_file has ${texts.rows} texts (${files.text_file})`,
        fix: 'Row i of emb_file must be the vector of text i: embed this text_file again.',
      }))
    }
    this.compared.add(both)
    return { texts, vectors }
  }

  async checkExists(file: string, split?: SplitName): Promise<void> {
    try {
      await regularFileSize(file)
    } catch (error) {
      this.problems.addFileError(error, { file, ...(split && { split }) })
    }
  }

  private async texts(split: SplitName, file: string): Promise<TextTable | null> {
    const known = this.textTables.get(file)
    if (known !== undefined) return known
    const table = await this.attempt(split, file, (read) => TextTable.read(file, read))
    this.textTables.set(file, table)
    return table
  }

  private async vectors(split: SplitName, file: string): Promise<Vectors | null> {
    const known = this.vectorFiles.get(file)
    if (known !== undefined) return known
    const vectors = await this.attempt(split, file, (read) => this.readVectors(split, file, read))
    this.vectorFiles.set(file, vectors)
    return vectors
  }

  private async readVectors(split: SplitName, file: string, read: ReadNpyOptions): Promise<Vectors> {
    if (!this.options.keep) {
      const nonFiniteRows: number[] = []
      const scan = await scanNpy(file, {
        ...read,
        onNonFinite: (row) => {
          if (nonFiniteRows.length < MOST_PROBLEM_ROWS) nonFiniteRows.push(row)
        },
      })
      this.checkVectors(split, file, scan, nonFiniteRows)
      return { rows: scan.rows, width: scan.width, table: null }
    }
    const { nonFinite, overflow, ...matrix } = await readNpy(file, read)
    const { rows, width } = matrix
    this.checkVectors(split, file, { rows, width, nonFinite, overflow })
    return { rows, width, table: { file, ...matrix } }
  }

  private checkVectors(
    split: SplitName,
    file: string,
    { width, nonFinite, overflow }: MatrixShape & MatrixFaults,
    nonFiniteRows?: readonly number[],
  ): void {
    this.width ??= { value: width, from: file }
    const expected = this.width
    if (width !== expected.value) {
      this.problems.add('width_mismatch', { split, file }, () => ({
        message: `The vectors have ${width} numbers, those of ${expected.from} ${expected.value}`,
        fix: 'Embed the texts of all splits with the same model.',
      }))
    }
    if (nonFinite.count > 0) {
      const describe = (): ProblemText => ({
        message: `The vector in row ${nonFinite.firstRow} holds NaN or an infinite number`,
        fix: 'Embed these texts again.',
      })
      const place = { split, file, row: nonFinite.firstRow }
      this.problems.add('vector_not_finite', place, describe, nonFinite.count, nonFiniteRows)
    }
    if (overflow.count === 0) return
    const describe = (): ProblemText => ({
      message: `The vector in row ${overflow.firstRow} holds a number beyond the range of float16, ±65504`,
      fix: 'Set trainer.table_dtype to float32, or scale the vectors.',
    })
    this.problems.add('vector_overflow', { split, file, row: overflow.firstRow }, describe, overflow.count)
  }

  private async attempt<T>(
    split: SplitName,
    file: string,
    read: (options: ReadOptions) => Promise<T>,
  ): Promise<T | null> {
    try {
      return await read(this.options)
    } catch (error) {
      this.problems.addFileError(error, { split, file })
      return null
    }
  }
}
