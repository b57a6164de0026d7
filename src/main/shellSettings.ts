import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

/** What closing the window does while runs are in progress. */
export const ON_CLOSE = ['ask', 'background', 'quit'] as const
export type OnClose = (typeof ON_CLOSE)[number]

const settingsSchema = z.object({
  onClose: z.enum(ON_CLOSE).catch('ask'),
  /** A program without a window that nobody needs any more ends. */
  quitWhenDone: z.boolean().catch(true),
})
export type ShellSettings = z.infer<typeof settingsSchema>

/** What a person has chosen for good about the window itself. */
export class ShellSettingsFile {
  readonly #file: string
  #now: ShellSettings

  constructor(file: string) {
    this.#file = file
    this.#now = settingsSchema.parse(read(file))
  }

  get now(): ShellSettings {
    return this.#now
  }

  /** For this start only, as the command line asks. */
  override(change: Partial<ShellSettings>): void {
    this.#now = { ...this.#now, ...change }
  }

  set(change: Partial<ShellSettings>): void {
    this.#now = { ...this.#now, ...change }
    try {
      writeFileSync(`${this.#file}.tmp`, JSON.stringify(this.#now))
      renameSync(`${this.#file}.tmp`, this.#file)
    } catch {
      // A full disk: it counts until the end of this process.
    }
  }
}

function read(file: string): unknown {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return Object(found)
  } catch {
    return {}
  }
}
