import type { z } from 'zod'
import type { UserId } from '../../shared/domain/dataset'
import type { ColumnInfo, FeatureColumn, FeaturesResult, featuresTaskSchema } from '../../shared/domain/preparation'
import { AppError } from '../../shared/errors'
import { toFeature, toIdentifier } from '../data/values'
import { withDrafts } from './drafts'
import { BatchColumns, noRows, requireColumns } from './pairRows'
import { readPairs, type PassOptions } from './readPairs'
import { rewritePairs } from './rewritePairs'

type FeaturesTask = z.infer<typeof featuresTaskSchema>

/** A source column as the users of a split have it: a user's first row decides. */
interface Source {
  name: string
  numeric: boolean
  train: Map<UserId, unknown>
  missingSomewhere: boolean
}

const isMissing = (value: unknown): boolean =>
  value === null || value === undefined || value === '' || Number.isNaN(value)

/**
 * Adds user features to the pairs of every split: one column of 0 and 1 for each category that a training user has, and
 * scaled numbers. What is fitted (categories, means) comes from the training users alone, each counted once. A missing
 * value is 0 everywhere and 1 in a column of its own; a category that training does not know is 0 everywhere.
 *
 * @throws AppError `config_invalid` for a column that is missing or unfit, `data_invalid` for a value that is no number
 */
export async function addUserFeatures(task: FeaturesTask, options: PassOptions = {}): Promise<FeaturesResult> {
  const { sources, inconsistentUsers, columns } = await readSources(task, options)
  const encoders = sources.map((source) => (source.numeric ? scaled(source, task) : oneHot(source, task)))
  const added = encoders.flatMap(({ columns: own }) => own)
  refuseTaken(task, added, columns)
  await withDrafts(async (drafts) => {
    for (const { file } of task.data)
      await rewritePairs(
        file,
        drafts,
        added,
        (values, i) => encoders.flatMap((encoder) => encoder.encode(values.at(encoder.source, i))),
        options,
      )
  })
  return {
    task: 'features',
    features: encoders.map(({ describe }) => describe()),
    prefixes: [...new Set(encoders.map(({ prefix }) => prefix))],
    files: task.data.map(({ file }) => file),
    inconsistentUsers,
  }
}

async function readSources(
  task: FeaturesTask,
  options: PassOptions,
): Promise<{ sources: Source[]; inconsistentUsers: number; columns: Set<string> }> {
  const wanted = [...new Set([...task.oneHot, ...task.scale])]
  const both = task.oneHot.find((name) => task.scale.includes(name))
  if (wanted.length === 0 || both !== undefined)
    throw new AppError('config_invalid', both === undefined ? 'No column is named' : `${both} is named twice`, {
      key: 'one_hot',
      fix: 'Name categorical columns with --one_hot and numeric ones with --scale.',
    })
  const sources = wanted.map((name) => ({
    name,
    numeric: task.scale.includes(name),
    train: new Map<UserId, unknown>(),
    missingSomewhere: false,
  }))
  const columns = new Set<string>()
  const inconsistent = new Set<UserId>()
  for (const { split, file } of task.data) {
    const firsts = sources.map(({ train }) => (split === 'train' ? train : new Map<UserId, unknown>()))
    let checked = false
    await readPairs(file, {
      ...options,
      verb: `read of ${split}`,
      onBatch: (batch) => {
        if (!checked) requireColumns(file, batch.columns, [task.user, ...wanted])
        checked = true
        for (const name of batch.columns) columns.add(name)
        const values = new BatchColumns(batch)
        for (let i = 0; i < batch.rows; i++) {
          const user = toIdentifier(values.at(task.user, i))
          if (user.fault) continue
          for (const [s, source] of sources.entries()) {
            const value = values.at(source.name, i)
            if (isMissing(value)) source.missingSomewhere = true
            else checkValue(source, value, file, batch.firstRow + i)
            const first = firsts[s]!.get(user.value)
            if (!firsts[s]!.has(user.value)) firsts[s]!.set(user.value, value)
            else if (String(first) !== String(value)) inconsistent.add(user.value)
          }
        }
      },
    })
    if (!checked) throw noRows(file)
  }
  return { sources, inconsistentUsers: inconsistent.size, columns }
}

function checkValue({ name, numeric }: Source, value: unknown, file: string, row: number): void {
  const fault = numeric ? toFeature(value).fault : typeof value === 'object' ? 'invalid' : undefined
  if (!fault) return
  throw new AppError('data_invalid', `${name} holds ${numeric ? 'what is no finite number' : 'a list or an object'}`, {
    file,
    row,
    column: name,
    fix: numeric
      ? 'Scale numeric columns alone; give categories to --one_hot.'
      : 'One-hot columns hold one value a row.',
  })
}

interface Encoder {
  source: string
  prefix: string
  columns: ColumnInfo[]
  encode: (value: unknown) => number[]
  describe: () => FeatureColumn
}

function oneHot({ name, train, missingSomewhere }: Source, { prefix, maxCategories }: FeaturesTask): Encoder {
  const users = new Map<string, number>()
  for (const value of train.values())
    if (!isMissing(value)) users.set(String(value), (users.get(String(value)) ?? 0) + 1)
  if (users.size === 0 || users.size > maxCategories)
    throw new AppError(
      'config_invalid',
      users.size === 0
        ? `No training user has a value of ${name}`
        : `${name} has ${users.size} different values, more than ${maxCategories}`,
      {
        column: name,
        key: 'one_hot',
        fix: users.size === 0 ? 'Leave it out.' : 'Scale it if it is a number, or raise --max_categories.',
      },
    )
  const own = `${prefix}${name}__`
  const categories = [...users.keys()].sort()
  const names = distinctNames(categories.map((category) => own + slug(category)))
  const missingColumn = missingSomewhere ? `${own}missing` : null
  const at = new Map(categories.map((category, i) => [category, i]))
  let unknownRows = 0
  return {
    source: name,
    prefix: own,
    columns: [...names, ...(missingColumn === null ? [] : [missingColumn])].map(asInteger),
    encode: (value) => {
      const row = new Array<number>(names.length + (missingColumn === null ? 0 : 1)).fill(0)
      const hit = isMissing(value) ? (missingColumn === null ? undefined : names.length) : at.get(String(value))
      if (hit === undefined) unknownRows++
      else row[hit] = 1
      return row
    },
    describe: () => ({
      kind: 'one_hot',
      column: name,
      prefix: own,
      categories: categories.map((value, i) => ({ value, column: names[i]!, users: users.get(value)! })),
      missingColumn,
      unknownRows,
    }),
  }
}

function scaled({ name, train, missingSomewhere }: Source, { prefix, scaling }: FeaturesTask): Encoder {
  const values = [...train.values()].filter((value) => !isMissing(value)).map(Number)
  if (values.length === 0)
    throw new AppError('config_invalid', `No training user has a value of ${name}`, { column: name, key: 'scale' })
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity])
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  const shift = scaling === 'standard' ? mean : low
  // A constant column says nothing: it becomes 0, not a division by zero.
  const scale = (scaling === 'standard' ? sd : high - low) || 1
  const own = `${prefix}${name}__`
  const output = `${own}scaled`
  const missingColumn = missingSomewhere ? `${own}missing` : null
  return {
    source: name,
    prefix: own,
    columns: [{ name: output, type: 'number' }, ...(missingColumn === null ? [] : [asInteger(missingColumn)])],
    encode: (value) => {
      const missing = isMissing(value)
      return [missing ? 0 : (Number(value) - shift) / scale, ...(missingColumn === null ? [] : [Number(missing)])]
    },
    describe: () => ({
      kind: 'scaled',
      column: name,
      prefix: own,
      output,
      scaling,
      shift,
      scale,
      missingColumn,
    }),
  }
}

const asInteger = (name: string): ColumnInfo => ({ name, type: 'integer' })

/** `Prefer not to say` → `Prefer_not_to_say`; letters of any script stay. */
function slug(category: string): string {
  return (
    category
      .normalize('NFC')
      .replaceAll(/[^\p{L}\p{N}.+-]+/gu, '_')
      .replaceAll(/^_+|_+$/g, '') || 'blank'
  )
}

/** Categories that read alike (`a b`, `a-b` or one called missing) keep columns of their own. */
function distinctNames(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map((name) => {
    let free = name.endsWith('__missing') ? `${name}_value` : name
    for (let n = 2; taken.has(free); n++) free = `${name}_${n}`
    taken.add(free)
    return free
  })
}

function refuseTaken({ data }: FeaturesTask, added: readonly ColumnInfo[], columns: ReadonlySet<string>): void {
  const taken = added.find(({ name }) => columns.has(name))
  if (!taken) return
  throw new AppError('config_invalid', `The pairs already have a column ${taken.name}`, {
    file: data[0]!.file,
    column: taken.name,
    fix: 'These features are there already; give other ones a --prefix.',
  })
}
