import type { PickQuestion } from '../../shared/domain/files'

/** A question that a page cannot answer itself. */
export interface Consent {
  title: string
  message: string
  /** What is agreed to, whole. */
  detail: string
  /** Of the button that agrees. */
  yes: string
}

/** What only a desktop has: its dialogs, and a program that shows folders. */
export interface DesktopShell {
  /** Paths that the person has chosen; none when they cancelled. */
  pick(question: PickQuestion): Promise<string[]>
  reveal(path: string): void
  /** Whether the person agrees. */
  confirm(question: Consent): Promise<boolean>
}
