import fs from 'node:fs'
import { createHash } from 'node:crypto'
import path from 'node:path'
import { RUN_FILES } from '../../shared/domain/run'
import { parseMetrics } from '../runs/metricsFile'
import { readEnvironment, type Environment } from './environment'

/** Something that is not as it was. */
export interface Departure {
  what: string
  before: string
  after: string
}

export interface Comparison {
  /** Figures and checkpoints that differ: the run is not reproduced. */
  results: Departure[]
  /** What else differs, and may be why. */
  circumstances: Departure[]
  /** Figures that were compared. */
  figures: number
}

const CHECKPOINTS = ['best.safetensors', 'last.safetensors']

/** Compares two runs by their folders: every figure of every epoch, and the bytes of their checkpoints. */
export function compareRuns(before: string, after: string): Comparison {
  const [old, fresh] = [figuresOf(before), figuresOf(after)]
  const results: Departure[] = []
  for (const name of new Set([...old.keys(), ...fresh.keys()])) {
    const [was, is] = [old.get(name), fresh.get(name)]
    if (was !== is) results.push({ what: name, before: shown(was), after: shown(is) })
  }
  for (const name of CHECKPOINTS) {
    const [was, is] = [checkpoint(before, name), checkpoint(after, name)]
    if (!sameTraining(was, is))
      results.push({ what: `checkpoints/${name}`, before: shown(was && hashOf(was)), after: shown(is && hashOf(is)) })
  }
  return { results, circumstances: circumstancesOf(readEnvironment(before), readEnvironment(after)), figures: old.size }
}

/** `val_loss of epoch 3` → value. Times are no result. */
function figuresOf(dir: string): Map<string, number> {
  const figures = new Map<string, number>()
  const { history } = parseMetrics(read(path.join(dir, RUN_FILES.metrics)))
  for (const { epoch, step, values } of history)
    for (const [name, value] of Object.entries(values)) figures.set(`${name} of epoch ${epoch} (step ${step})`, value)
  return figures
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function checkpoint(dir: string, name: string): Buffer | undefined {
  try {
    return fs.readFileSync(path.join(dir, RUN_FILES.checkpoints, name))
  } catch {
    return undefined
  }
}

/** Whether two checkpoints are the same bytes, the hash of the training data aside, which earlier versions wrote in another form. */
function sameTraining(a: Buffer | undefined, b: Buffer | undefined): boolean {
  if (!a || !b) return a === b
  if (a.equals(b)) return true
  const [one, other] = [withoutTrainHash(a), withoutTrainHash(b)]
  return one.header === other.header && one.values.equals(other.values)
}

/** A safetensors file is the length of its header in 8 bytes, the header, and the values. */
function withoutTrainHash(bytes: Buffer): { header: string; values: Buffer } {
  const end = 8 + (bytes.length < 8 ? 0 : Number(bytes.readBigUInt64LE()))
  // The description is JSON within the header's JSON; spaces pad the header.
  const header = bytes.toString('utf8', 8, end).replace(/\\"train_(?:hash|sha256)\\":\\"[\w:]*\\",/, '')
  return { header: header.trimEnd(), values: bytes.subarray(end) }
}

const hashOf = (bytes: Buffer): string => `sha256 ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}…`

const shown = (value: number | string | undefined): string => (value === undefined ? 'missing' : String(value))

function circumstancesOf(before: Environment | undefined, after: Environment | undefined): Departure[] {
  if (!before || !after) return before ? [] : [{ what: RUN_FILES.environment, before: 'missing', after: 'present' }]
  const flat = ({ git, files, ...rest }: Environment): Map<string, string> =>
    new Map([
      ...Object.entries(rest).map(([name, value]): [string, string] => [name, String(value)]),
      ...Object.entries(git).map(([name, commit]): [string, string] => [
        `git ${name}`,
        commit === null ? 'none' : commit.commit + (commit.changed ? ' with changes' : ''),
      ]),
      ...Object.entries(files).map(([role, file]): [string, string] => [
        `data ${role}`,
        file === null ? 'unreadable' : `sha256 ${file.sha256.slice(0, 16)}…`,
      ]),
    ])
  const [was, is] = [flat(before), flat(after)]
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((name) => was.get(name) !== is.get(name))
    .map((what) => ({ what, before: shown(was.get(what)), after: shown(is.get(what)) }))
}
