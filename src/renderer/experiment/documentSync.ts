import type { CheckedDocument, ShownValue } from '../../shared/domain/experiment'

export type FormValue = ShownValue
export type Changes = Readonly<Record<string, FormValue>>

export interface DocumentSyncOptions<V, D extends { yaml: string }> {
  /** Core makes the changes in the text, and says what it then comes to. */
  check: (yaml: string, changes: Readonly<Record<string, V>>) => Promise<D>
  text: () => string
  /** The text with the changes of the form in it. */
  written: (yaml: string) => void
  checked: (document: D) => void
  failed: (error: unknown) => void
  /** Settled, and with nothing under way. */
  idle?: () => void
}

/**
 * Keeps a text and the values of a form the same, while both are edited: one question at a time, with the newest text and everything
 * that the form has changed since. A text that was edited meanwhile is asked about again, and takes the form's changes too.
 */
export class DocumentSync<V = FormValue, D extends { yaml: string } = CheckedDocument> {
  readonly #options: DocumentSyncOptions<V, D>
  readonly #waiting = new Map<string, V>()
  #asked = false
  #running = false

  constructor(options: DocumentSyncOptions<V, D>) {
    this.#options = options
  }

  /** What the form has changed and the text does not say yet. */
  get waiting(): ReadonlyMap<string, V> {
    return this.#waiting
  }

  get busy(): boolean {
    return this.#running || this.#asked
  }

  /** The text is another. */
  edited(): void {
    this.#asked = true
    void this.#run()
  }

  change(changes: Readonly<Record<string, V>>): void {
    for (const [key, value] of Object.entries(changes)) this.#waiting.set(key, value)
    this.edited()
  }

  /** Another document: what was to be changed in the old one is forgotten. */
  replaced(): void {
    this.#waiting.clear()
    this.edited()
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      while (this.#asked) {
        this.#asked = false
        await this.#round()
      }
    } finally {
      this.#running = false
    }
    this.#options.idle?.()
  }

  async #round(): Promise<void> {
    const { check, text, written, checked, failed } = this.#options
    const before = text()
    const changes = new Map(this.#waiting)
    let document: D
    try {
      document = await check(before, Object.fromEntries(changes))
    } catch (error) {
      // A change that cannot be made would be refused for ever.
      for (const key of changes.keys()) this.#waiting.delete(key)
      failed(error)
      return
    }
    if (text() !== before) {
      this.#asked = true
      return
    }
    for (const [key, value] of changes) if (this.#waiting.get(key) === value) this.#waiting.delete(key)
    if (document.yaml !== before) written(document.yaml)
    checked(document)
  }
}
