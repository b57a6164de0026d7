import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { AppError, messageOf } from '../../shared/errors'
import { makeFolders } from '../folders'
import { isInside, isMissing } from '../runs/readInside'

/**
 * What a person has said about a path:
 * - `picked`: chosen by them or part of the installation. It may be read, exports may be written into it, and a data configuration in it vouches
 *   for the files that it names, wherever they lie.
 * - `read`: may be read. What a configuration in it names has to be within the roots itself.
 * - `save`: chosen as the place of a new file. It may be written and read, and vouches for nothing.
 */
export type Trust = 'picked' | 'read' | 'save'

export interface FileRoot {
  path: string
  trust: Trust
}

export interface FileRootsOptions {
  /** Where roots are kept from one start to the next; without one they end with the process. */
  memory?: string
  /** Of this start only. */
  builtIn?: readonly FileRoot[]
}

/** More picks than a person makes; the oldest go first. */
const MOST_REMEMBERED = 500

const memorySchema = z.object({
  format: z.literal(1),
  roots: z.array(z.object({ path: z.string(), trust: z.enum(['picked', 'read', 'save']) })),
  written: z.array(z.string()),
})
type Memory = Omit<z.infer<typeof memorySchema>, 'format'>

/**
 * The files and folders that a page may name. Whoever takes over a page can send any request, so that a path in one is worth nothing by itself:
 * it counts when a person, or this program, has allowed it before. See docs/adr/0024-file-roots-and-the-shell.md.
 */
export class FileRoots {
  readonly #memory: string | undefined
  /** Where it lies → what it is; real paths, as far as they exist. */
  readonly #builtIn = new Map<string, Trust>()
  readonly #remembered = new Map<string, Trust>()
  /** Files that were written for the page, which therefore cannot vouch for anything. */
  readonly #written = new Set<string>()

  constructor({ memory, builtIn = [] }: FileRootsOptions = {}) {
    this.#memory = memory
    for (const { path: root, trust } of builtIn) this.offer(root, trust)
    const { roots, written } = readMemory(memory)
    for (const { path: root, trust } of roots) this.#remembered.set(root, trust)
    for (const file of written) this.#written.add(file)
  }

  /** Allows what a person has chosen, from now on. */
  allow(given: string, trust: Trust = 'read'): void {
    const real = realPath(path.resolve(given))
    const known = this.#remembered.get(real)
    const cleared = trust === 'picked' && this.#written.delete(real)
    if (!cleared && (known === trust || (known === 'picked' && trust === 'read'))) return
    // Chosen again, it is the newest.
    this.#remembered.delete(real)
    this.#remembered.set(real, trust)
    this.#remember(cleared ? real : undefined)
  }

  /** Allows something for this process only: the program's own folders, `--root`. */
  offer(given: string, trust: Trust): void {
    this.#builtIn.set(realPath(path.resolve(given)), trust)
  }

  /**
   * The path that may be read, free of links and `..`. One that does not exist yet is judged by its nearest folder that does.
   *
   * @throws AppError `forbidden_path`
   */
  check(given: string): string {
    const real = checkable(given, this.#roots())
    if (this.#rootOf(real) === undefined) throw forbidden(given, 'read')
    return real
  }

  /**
   * The path that may be written for the page. What is written there does not vouch for anything afterwards.
   *
   * @throws AppError `forbidden_path`
   */
  checkTarget(given: string): string {
    const real = checkable(given, this.#roots())
    const trust = this.#rootOf(real)
    if (trust !== 'picked' && trust !== 'save') throw forbidden(given, 'written')
    if (!this.#written.has(real)) {
      this.#written.add(real)
      this.#remember()
    }
    return real
  }

  /**
   * The path of a file that a person has chosen as the place of an export, itself and not its folder: a page must not replace what lies in a
   * folder of data.
   *
   * @throws AppError `forbidden_path`
   */
  checkChosenTarget(given: string): string {
    const real = checkable(given, this.#roots())
    if (this.#remembered.get(real) !== 'save') throw forbidden(given, 'written')
    return this.checkTarget(real)
  }

  /** Whether a configuration may name files outside the roots: a person chose it, or its folder, and no page has written it. */
  vouches(file: string): boolean {
    const real = realPath(path.resolve(file))
    return this.#rootOf(real) === 'picked' && !this.#written.has(real)
  }

  /** Roots of this start and remembered ones, as they are now. */
  list(): FileRoot[] {
    return [...this.#roots()].map(([root, trust]) => ({ path: root, trust }))
  }

  #roots(): Map<string, Trust> {
    return new Map([...this.#remembered, ...this.#builtIn])
  }

  /** The trust of the innermost root: a log folder within a picked folder stays what it is. */
  #rootOf(real: string): Trust | undefined {
    let innermost = ''
    let found: Trust | undefined
    for (const [root, trust] of this.#roots()) {
      // A link that has taken a root's place leads elsewhere.
      if (root.length < innermost.length || !isInside(root, real) || !isItself(root)) continue
      innermost = root
      found = trust
    }
    return found
  }

  /** Beside other processes: what they have added meanwhile stays. A disk that is full only means that a person picks again. */
  #remember(cleared?: string): void {
    if (this.#memory === undefined) return
    const known = readMemory(this.#memory)
    for (const { path: root, trust } of known.roots) if (!this.#remembered.has(root)) this.#remembered.set(root, trust)
    for (const file of known.written) if (file !== cleared) this.#written.add(file)
    const roots = [...this.#remembered].map(([root, trust]) => ({ path: root, trust })).slice(-MOST_REMEMBERED)
    const draft = `${this.#memory}.${process.pid}.tmp`
    try {
      makeFolders(path.dirname(this.#memory))
      const memory = { format: 1, roots, written: [...this.#written] }
      fs.writeFileSync(draft, `${JSON.stringify(memory, null, 2)}\n`, { mode: 0o600 })
      fs.renameSync(draft, this.#memory)
    } catch {
      fs.rmSync(draft, { force: true })
    }
  }
}

function readMemory(file: string | undefined): Memory {
  try {
    if (file !== undefined) return memorySchema.parse(JSON.parse(fs.readFileSync(file, 'utf8')))
  } catch {
    // None yet, or broken: nothing is allowed by it.
  }
  return { roots: [], written: [] }
}

/** @throws AppError `forbidden_path` for what must not even be looked at */
function checkable(given: string, roots: ReadonlyMap<string, Trust>): string {
  if (given === '' || given.includes('\0')) throw forbidden(given, 'read')
  const absolute = path.resolve(given)
  // Looking at a share of Windows already sends this user's credentials to whoever is at its other end.
  if (absolute.startsWith('\\\\') && ![...roots.keys()].some((root) => isInside(root, absolute)))
    throw forbidden(given, 'read')
  return realPath(absolute)
}

/** @throws AppError `forbidden_path` where the file system does not say where the path leads */
function realPath(absolute: string): string {
  try {
    return fs.realpathSync.native(absolute)
  } catch (error) {
    const parent = path.dirname(absolute)
    // A link to nothing: whoever makes its target later decides what is read.
    if (parent === absolute || !isMissing(error) || isLink(absolute)) throw forbidden(absolute, 'read', error)
    return path.join(realPath(parent), path.basename(absolute))
  }
}

function isItself(real: string): boolean {
  try {
    return realPath(real) === real
  } catch {
    return false
  }
}

function isLink(absolute: string): boolean {
  try {
    return fs.lstatSync(absolute).isSymbolicLink()
  } catch {
    return false
  }
}

function forbidden(given: string, verb: 'read' | 'written', cause?: unknown): AppError {
  const why = cause === undefined ? '' : ` (${messageOf(cause)})`
  return new AppError(
    'forbidden_path',
    `${given.slice(0, 500).replaceAll('\0', '␀') || 'A path without letters'} may not be ${verb} from the window: it is outside the folders that you have allowed${why}`,
    {
      file: given.slice(0, 500),
      fix: 'Choose it with the file dialog or drop it onto the window; where the page is served, start delta serve with --root and its folder.',
    },
    cause,
  )
}
