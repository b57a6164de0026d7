import fs from 'node:fs'
import path from 'node:path'
import type { SplitFiles } from '../../shared/config/data'
import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import type { PairFormat, SplitResult, SplitTask } from '../../shared/domain/preparation'
import { AppError } from '../../shared/errors'
import { TEXT_COLUMNS, USER_COLUMN } from '../data/features'
import { DATA_CONFIG_FILE, dataSectionYaml } from '../data/write/dataSection'
import { newFolder } from '../data/write/newFolder'
import { permutation, RandomStream } from '../loop/random'
import { Components, compact, countGroups, dealGroups, TEST, TRAIN } from './assign'
import { NOWHERE, overlapsOf, samePairs } from './overlaps'
import { BatchColumns, type RowFault } from './pairRows'
import { LineFile } from './lineFile'
import { openPairsWriter, type PairsWriter } from './pairsWriter'
import { readPairs, type PassOptions } from './readPairs'
import { groupColumns, ORIGINAL_USER, scan, setsUsersAside, type Scan } from './splitScan'
import { TextFile } from './textFile'
import { Codes } from './textCodes'
import { cutByTime } from './timeCut'
import { toJson } from './columnTypes'

const UNSEEN = SPLIT_NAMES.indexOf('test_unseen')
const UNSEEN_ELSEWHERE: RowFault = { reason: 'unseen_user_elsewhere', column: '' }

/**
 * Splits a file of pairs so that nothing named by `by` stands in two splits, and writes pairs, texts, and whatever had
 * to be left out. Two passes over the file; in memory are about 40 bytes a row and 30 a distinct text.
 *
 * @throws AppError `config_invalid` for a column that is not there or sizes that cannot be met, `data_invalid`,
 *   `unwritable`, `stopped`
 */
export async function splitPairs(task: SplitTask, options: PassOptions = {}): Promise<SplitResult> {
  const scanned = await scan(task, options)
  const { split, groupOf, groups, wanted } = assignRows(task, scanned)
  const overlaps = overlapsOf(scanned.pairs, split, scanned.groups)
  let usable = 0
  const fates = (row: number): number | RowFault => {
    const fault = scanned.faults.get(row)
    if (fault) return fault
    const to = split[usable++]!
    return to === NOWHERE ? UNSEEN_ELSEWHERE : to
  }
  const present = SPLIT_NAMES.filter((_, index) => split.includes(index))
  return newFolder(task.output, async (folder) => {
    const out = new OpenFiles(task, present, scanned, folder)
    await out.write(fates, scanned.faults.size > 0 || split.includes(NOWHERE), options)
    const dropped = scanned.dropped.list()
    const result: SplitResult = {
      task: 'split',
      rows: scanned.rows,
      groups,
      splits: present.map((name) => {
        const index = SPLIT_NAMES.indexOf(name)
        return {
          split: name,
          file: path.join(task.output, pairsFile(name, task.format)),
          pairs: out.writers.get(name)!.rows,
          users: distinct(scanned.pairs.users.values, split, index),
          groups: distinct(groupOf, split, index),
          wanted: wanted[index] ?? null,
        }
      }),
      textFile: path.join(task.output, FILES.text_file),
      texts: out.texts,
      columns: scanned.columns,
      overlaps,
      dropped,
      droppedFile: dropped.length > 0 ? path.join(task.output, DROPPED_FILE) : null,
      notes: [...scanned.notes, ...genericUsers(scanned, split)],
    }
    fs.writeFileSync(path.join(folder, 'split.json'), `${JSON.stringify({ task, result }, null, 2)}\n`)
    const files = (name: SplitName): SplitFiles => ({ df_file: pairsFile(name, task.format), ...FILES })
    const others = Object.fromEntries(present.slice(1).map((name) => [name, files(name)]))
    const prefixes = task.prefixColumns.length > 0 && { prefix_columns: [...task.prefixColumns] }
    const section = { dts_path: '.', ...prefixes, train: files('train'), ...others }
    fs.writeFileSync(path.join(folder, DATA_CONFIG_FILE), dataSectionYaml(task.dts_name, section))
    return result
  })
}

/** Names in the data set's folder. */
const FILES = { text_file: 'texts.json', emb_file: 'emb.npy' }
const DROPPED_FILE = 'dropped.jsonl'
const pairsFile = (split: SplitName, format: PairFormat): string => `df_${split}.${format}`

interface Assignment {
  /** [pairs] index into SPLIT_NAMES, or NOWHERE. */
  split: Int8Array
  groupOf: Int32Array
  groups: number
  /** Pairs asked for, by split index. */
  wanted: readonly [number, number, number]
}

function assignRows(task: SplitTask, scanned: Scan): Assignment {
  const { pairs } = scanned
  const unseen = setsUsersAside(task) ? unseenUsers(task, scanned) : new Set<number>()
  const isSeen = (pair: number): boolean => !unseen.has(pairs.users.at(pair))
  const seen = pairs.users.values.reduce((count, _, pair) => count + Number(isSeen(pair)), 0)
  const wanted = sizes(task, seen)
  const { values: groupOf, count: groups } = compact(groupsOfRows(task, scanned))
  const split = new Int8Array(pairs.rows).fill(NOWHERE)

  if (scanned.times) {
    const seenTimes = scanned.times.map((time, pair) => (isSeen(pair) ? time : NaN))
    cutByTime(seenTimes, task.perUser ? pairs.users.values : null, wanted, split)
    refuseEmpty(task, split, wanted)
    split.forEach((_, pair) => {
      if (!isSeen(pair)) split[pair] = UNSEEN
    })
    return { split, groupOf, groups, wanted }
  }

  const seenGroups = groupOf.map((group, pair) => (isSeen(pair) ? group : -1))
  const { values: dealt, count } = compact(seenGroups)
  const groupSplit = dealGroups(countGroups(dealt, count, scanned.strata), wanted, task.seed)
  if (!groupSplit) throw tooFewGroups(task, count, wanted)
  // What the known users are asked outside of test, unseen users must not be asked.
  const learned = new Uint8Array(groups)
  dealt.forEach((group, pair) => {
    if (group < 0) return
    split[pair] = groupSplit[group]!
    if (groupSplit[group] !== TEST) learned[groupOf[pair]!] = 1
  })
  const keepsApart = groupColumns(task).length > 0
  split.forEach((_, pair) => {
    if (!isSeen(pair)) split[pair] = keepsApart && learned[groupOf[pair]!] ? NOWHERE : UNSEEN
  })
  if (unseen.size > 0 && !split.includes(UNSEEN))
    throw new AppError('config_invalid', 'No pair of the unseen users is about something that is not in train or dev', {
      key: 'by',
      fix: 'Set more users aside with --unseen, enlarge --test, or give --by user alone.',
    })
  return { split, groupOf, groups, wanted }
}

/** [pairs] the group of every row: rows that share a value of any `by` column (or, with `join`, a text) share it. */
function groupsOfRows(task: SplitTask, { pairs, groups, times }: Scan): Int32Array {
  const columns = Object.values(groups)
  if (times) return new Codes().all(times)
  if (task.sharedTexts === 'join') columns.push(pairs.prompts.values, pairs.chosen.values, pairs.rejected.values)
  // Without a group column, a user's judgments of one pair stay together.
  if (columns.length === 0) return samePairs(pairs)
  if (columns.length === 1) return columns[0]!
  const nodes = new Codes()
  const nodesOf = columns.map((column, c) => {
    // Texts are the same texts whichever column they stand in.
    const kind = c < Object.keys(groups).length ? c : -1
    return column.map((code) => nodes.tuple(kind, code))
  })
  const components = new Components(nodes.size)
  for (let pair = 0; pair < pairs.rows; pair++)
    for (const column of nodesOf.slice(1)) components.join(nodesOf[0]![pair]!, column[pair]!)
  return nodesOf[0]!.map((node) => components.find(node))
}

function unseenUsers(task: SplitTask, { users }: Scan): Set<number> {
  const wanted = task.unseen < 1 ? Math.max(1, Math.round(task.unseen * users.length)) : task.unseen
  if (task.unseen === 0 || wanted >= users.length)
    throw new AppError(
      'config_invalid',
      task.unseen === 0
        ? '--by user sets users aside, and --unseen is 0'
        : `--unseen ${task.unseen} sets ${wanted} of ${users.length} users aside; nobody is left to train on`,
      { key: 'unseen', fix: 'Give a share of the users below 1, or a smaller number of them.' },
    )
  return new Set(permutation(users.length, new RandomStream(task.seed, 'split/users')).subarray(0, wanted))
}

function sizes({ test, dev }: SplitTask, pairs: number): [number, number, number] {
  const rows = (size: number): number => (size < 1 ? size * pairs : size)
  const train = pairs - rows(test) - rows(dev)
  if (train <= 0)
    throw new AppError('config_invalid', `--test ${test} and --dev ${dev} leave none of ${pairs} pairs to train on`, {
      key: 'test',
      fix: 'Give smaller shares (below 1) or numbers of pairs.',
    })
  return [train, rows(dev), rows(test)]
}

function tooFewGroups(task: SplitTask, groups: number, wanted: readonly number[]): AppError {
  const splits = wanted.filter((rows) => rows > 0).length
  return new AppError(
    'config_invalid',
    `${groups} ${groups === 1 ? 'group' : 'groups'} by ${task.by.join(', ')} cannot fill ${splits} splits of these sizes`,
    {
      key: 'by',
      fix:
        task.by.length > 1
          ? 'Rows that share any of these values stay together: name fewer columns, or leave a split out with --dev 0.'
          : 'Split by something finer, or leave a split out with --dev 0 or --test 0.',
    },
  )
}

function refuseEmpty(task: SplitTask, split: Int8Array, wanted: readonly number[]): void {
  wanted.forEach((rows, index) => {
    if (rows === 0 || split.includes(index)) return
    throw new AppError('config_invalid', `The times leave ${SPLIT_NAMES[index]} without a pair`, {
      key: 'time',
      column: task.time,
      fix: 'Rows of one time stay together: use a finer time column, or other sizes.',
    })
  })
}

/** Users whom dev or test ask and train does not know are answered as the generic user: a thing to know. */
function genericUsers({ pairs }: Scan, split: Int8Array): string[] {
  const trained = new Set<number>()
  pairs.users.values.forEach((user, pair) => {
    if (split[pair] === TRAIN) trained.add(user)
  })
  return (['dev', 'test'] as const).flatMap((name) => {
    const index = SPLIT_NAMES.indexOf(name)
    const rows = pairs.users.values.reduce(
      (count, user, pair) => count + Number(split[pair] === index && !trained.has(user)),
      0,
    )
    return rows === 0
      ? []
      : [`${rows} pairs of ${name} are by users whom train does not know: models answer for them as the generic user`]
  })
}

function distinct(values: Int32Array, split: Int8Array, index: number): number {
  const seen = new Set<number>()
  values.forEach((value, pair) => {
    if (split[pair] === index) seen.add(value)
  })
  return seen.size
}

/** The files of the splits while they are written. */
class OpenFiles {
  readonly writers = new Map<SplitName, PairsWriter>()
  texts = 0
  readonly #task: SplitTask
  readonly #scan: Scan
  readonly #folder: string

  constructor(task: SplitTask, present: readonly SplitName[], scanned: Scan, folder: string) {
    this.#task = task
    this.#scan = scanned
    this.#folder = folder
    for (const name of present) {
      const file = path.join(folder, pairsFile(name, task.format))
      this.writers.set(name, openPairsWriter(file, task.format, scanned.columns))
    }
  }

  /** The second pass: every row to its split, or to the dropped ones. */
  async write(fates: (row: number) => number | RowFault, drops: boolean, options: PassOptions): Promise<void> {
    const texts = new TextFile(path.join(this.#folder, FILES.text_file))
    const dropped = drops ? new LineFile(path.join(this.#folder, DROPPED_FILE)) : undefined
    const lose = (row: number, fault: RowFault, values: object, why?: string): void => {
      const place = { row, reason: fault.reason, ...(fault.column && { column: fault.column }), ...(why && { why }) }
      dropped?.write(toJson({ ...place, values }))
    }
    const sources = this.#scan.columns.slice(0, -TEXT_COLUMNS.length).map(({ name }) => this.#sourceOf(name))
    await readPairs(this.#task.input, {
      ...options,
      verb: 'written',
      onBatch: (batch) => {
        const columns = new BatchColumns(batch)
        for (let i = 0; i < batch.rows; i++) {
          const row = batch.firstRow + i
          const fate = fates(row)
          if (typeof fate !== 'number') {
            if (fate === UNSEEN_ELSEWHERE) this.#scan.dropped.add(row, { reason: fate.reason })
            lose(row, fate, Object.fromEntries(batch.columns.map((name) => [name, columns.at(name, i)])))
            continue
          }
          const indices = TEXT_COLUMNS.map((column) => texts.index(String(columns.at(column, i))))
          const values = sources.map((name) => columns.at(name, i))
          this.writers.get(SPLIT_NAMES[fate]!)!.write([...values, ...indices])
        }
      },
      onMalformed: (row, why) => lose(row, { reason: 'row_malformed', column: '' }, {}, why),
    })
    for (const writer of this.writers.values()) writer.close()
    this.texts = texts.close()
    dropped?.close()
  }

  #sourceOf(name: string): string {
    if (name === USER_COLUMN) return this.#task.user
    return name === ORIGINAL_USER ? USER_COLUMN : name
  }
}
