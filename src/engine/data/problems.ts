import { PROBLEM_SEVERITY, type DataProblem, type ProblemKind, type SplitName } from '../../shared/domain/dataset'
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

/** Collects problems: one entry for each kind, file, column and split, with its first place and how often it stands. */
export class ProblemLog {
  private readonly found = new Map<string, DataProblem>()

  /** @param describe is called for the first row only */
  add(kind: ProblemKind, place: ProblemPlace, describe: () => ProblemText, count = 1): void {
    const key = `${kind}\0${place.split}\0${place.column}\0${place.file}`
    const known = this.found.get(key)
    if (known) known.count += count
    else this.found.set(key, { kind, severity: PROBLEM_SEVERITY[kind], ...place, ...describe(), count })
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
    const all = [...this.found.values()]
    return [...all.filter((p) => p.severity === 'error'), ...all.filter((p) => p.severity === 'warning')]
  }
}

const FILE_PROBLEMS: Partial<Record<ErrorCode, ProblemKind>> = {
  not_found: 'file_missing',
  unreadable: 'file_unreadable',
  out_of_range: 'file_unreadable',
  data_invalid: 'file_malformed',
}
