import type { PickQuestion } from '../../shared/domain/files'

/** What only a desktop has: file dialogs, and a program that shows folders. */
export interface DesktopShell {
  /** Paths that the person has chosen; none when they cancelled. */
  pick(question: PickQuestion): Promise<string[]>
  reveal(path: string): void
}
