import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { makeFolders } from '../folders'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { isReward } from '../../shared/domain/reward'
import { AppError, messageOf } from '../../shared/errors'

/** The first line of a cache: a file without it is something else and is left alone. */
const HEADER = '{"format":"delta-reward-cache","version":1}\n'
const lineSchema = z.object({ key: z.string(), reward: z.number().refine(isReward) })

/**
 * Rewards that have been paid for, on disk: JSON Lines that only ever grow. A key is a hash of the scorer and the two
 * texts, so that the same question is never asked twice, whatever data set it comes from.
 */
export class ScoreCache {
  readonly file: string
  readonly #handle: number
  /** Whether the file ends in the middle of a line, as a crash leaves it. */
  #torn: boolean

  private constructor(file: string, handle: number, torn: boolean) {
    this.file = file
    this.#handle = handle
    this.#torn = torn
  }

  /** @throws AppError `unwritable`, or `config_invalid` for a file that is no cache */
  static open(file: string): ScoreCache {
    try {
      makeFolders(path.dirname(file))
      const handle = fs.openSync(file, 'a+')
      const stat = fs.fstatSync(handle)
      const { size } = stat
      const head = Buffer.alloc(Math.min(size, HEADER.length))
      if (stat.isFile()) fs.readSync(handle, head, 0, head.length, 0)
      if (!stat.isFile() || !HEADER.startsWith(head.toString('latin1'))) {
        fs.closeSync(handle)
        throw new AppError('config_invalid', 'This file is no cache of rewards, and is left as it is', {
          file,
          key: 'cache',
          fix: 'Give --cache a new file, or one that an earlier run made.',
        })
      }
      const tail = Buffer.alloc(1)
      if (size > 0) fs.readSync(handle, tail, 0, 1, size - 1)
      if (size < HEADER.length) fs.appendFileSync(handle, HEADER.slice(size))
      return new ScoreCache(file, handle, size >= HEADER.length && tail[0] !== 0x0a)
    } catch (thrown) {
      throw unwritable(file, thrown)
    }
  }

  /** Tells of every reward in the file; lines that a crash cut off are passed over. */
  async read(onReward: (key: string, reward: number) => void): Promise<void> {
    const lines = createInterface({ input: fs.createReadStream(this.file), crlfDelay: Infinity })
    for await (const line of lines) {
      const parsed = lineSchema.safeParse(parseJson(line))
      if (parsed.success) onReward(parsed.data.key, parsed.data.reward)
    }
  }

  /** Adds a batch in one write and waits for the disk: what was paid for outlives a crash. @throws AppError `unwritable` */
  append(entries: readonly { key: string; reward: number }[]): void {
    const lines = entries.map(({ key, reward }) => `${JSON.stringify({ key, reward })}\n`).join('')
    try {
      fs.appendFileSync(this.#handle, this.#torn ? `\n${lines}` : lines)
      fs.fdatasyncSync(this.#handle)
      this.#torn = false
    } catch (thrown) {
      // A full disk may have taken half a line.
      this.#torn = true
      throw unwritable(this.file, thrown)
    }
  }

  close(): void {
    fs.closeSync(this.#handle)
  }
}

/** Makes the keys of one scorer: hashes of its address, its model and the two texts. */
export class ScoreKeys {
  readonly #scope: Buffer
  readonly #hashes = new WeakMap<object, Buffer>()

  constructor(provider: string, address: string, model: string | undefined) {
    this.#scope = sha256(JSON.stringify([provider, address, model ?? null]))
  }

  /** The hash of a text is kept with its holder, since one prompt stands in many pairs. */
  of(prompt: { text: string }, answer: { text: string }): string {
    return createHash('sha256')
      .update(this.#scope)
      .update(this.#hash(prompt))
      .update(this.#hash(answer))
      .digest('base64url')
  }

  #hash(holder: { text: string }): Buffer {
    const known = this.#hashes.get(holder)
    if (known) return known
    const hash = sha256(holder.text)
    this.#hashes.set(holder, hash)
    return hash
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function unwritable(file: string, thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  const fix = 'Check the free space and the permissions of the folder, or choose another with --cache.'
  return new AppError('unwritable', `${file} cannot be written: ${messageOf(thrown)}`, { file, fix }, thrown)
}
