import {
  PROBLEM_SEVERITY,
  type DataProblem,
  type ProblemKind,
  type ProblemRows,
  type SplitName,
} from '../../shared/domain/dataset'
import { AppError, type ErrorCode } from '../../shared/errors'

export interface ProblemPlace {
  split?: SplitName
  file: string
  column?: string
  row?: number
  line?: number
}

export interface ProblemText {
  /** What is wrong, of the first row. */
  message: string
  /** What to do about it. */
  fix: string
}

/** Rows of one problem that are listed one by one; the count goes on beyond. */
export const MOST_PROBLEM_ROWS = 100_000
/** Rows that are told in words of their own. */
const MOST_MESSAGES = 10_000

interface Entry {
  readonly problem: DataProblem
  readonly rows: number[]
  readonly messages: string[]
}

/** Collects problems: one entry for each kind, file, column and split, with its first place and how often it stands. */
export class ProblemLog {
  private readonly found = new Map<string, Entry>()
  private readonly keepRows: boolean

  /** @param keepRows whether every row is wanted, not only the first */
  constructor(keepRows = false) {
    this.keepRows = keepRows
  }

  /**
   * @param describe is called for the first row only, unless rows are kept
   * @param rows where `count` rows are told at once
   */
  add(
    kind: ProblemKind,
    place: ProblemPlace,
    describe: () => ProblemText,
    count = 1,
    rows: readonly number[] = place.row === undefined ? [] : [place.row],
  ): void {
    const key = `${kind}\0${place.split}\0${place.column}\0${place.file}`
    let entry = this.found.get(key)
    if (entry) entry.problem.count += count
    else {
      const problem = { kind, severity: PROBLEM_SEVERITY[kind], ...place, ...describe(), count }
      this.found.set(key, (entry = { problem, rows: [], messages: [] }))
    }
    if (!this.keepRows) return
    for (const row of rows) {
      if (entry.rows.length >= MOST_PROBLEM_ROWS) return
      if (rows.length === 1 && entry.messages.length < MOST_MESSAGES) entry.messages.push(describe().message)
      entry.rows.push(row)
    }
  }

  /** A file that could not be read to its end. Errors of any other kind are not the file's fault and pass on. */
  addFileError(error: unknown, place: ProblemPlace): void {
    const kind = error instanceof AppError ? FILE_PROBLEMS[error.code] : undefined
    if (!(error instanceof AppError) || !kind) throw error
    const { line, row, column, fix } = error.details
    const where = { ...place, ...(line !== undefined && { line }), ...(row !== undefined && { row }) }
    this.add(kind, { ...where, ...(column !== undefined && { column }) }, () => ({
      message: error.message,
      fix: fix ?? 'Check the file.',
    }))
  }

  get hasErrors(): boolean {
    return this.list().some((problem) => problem.severity === 'error')
  }

  /** Errors first, otherwise in the order in which they were met. */
  list(): DataProblem[] {
    return this.sorted().map(({ problem }) => problem)
  }

  /** The rows of each problem of {@link list}, and what is wrong with each of the first ones. */
  rows(): ProblemRows[] {
    return this.sorted().map(({ rows, messages }) => ({ rows, messages }))
  }

  private sorted(): Entry[] {
    const all = [...this.found.values()]
    const of = (severity: DataProblem['severity']): Entry[] => all.filter((e) => e.problem.severity === severity)
    return [...of('error'), ...of('warning')]
  }
}

const FILE_PROBLEMS: Partial<Record<ErrorCode, ProblemKind>> = {
  not_found: 'file_missing',
  unreadable: 'file_unreadable',
  out_of_range: 'file_unreadable',
  data_invalid: 'file_malformed',
}
