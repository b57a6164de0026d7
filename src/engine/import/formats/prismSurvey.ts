import type { UserId } from '../../../shared/domain/dataset'
import { AppError } from '../../../shared/errors'
import { toIdentifier } from '../../data/values'
import { objectOf, textOf } from '../adapter'
import { readRecords, type Place, type SourceRecord } from '../records'
import type { Tally } from '../tally'

/** Columns of the survey that become features, and the prefixes of their one-hot columns. */
const CATEGORIES = {
  english_proficiency: 'english_proficiency__',
  marital_status: 'marital__',
  education: 'education__',
  employment_status: 'employment__',
  age: 'age__',
  gender: 'gender__',
} as const
/** What a person ranked among the three most important properties of an answer. */
const PREFERENCE = { column: 'order_stated_prefs', prefix: 'preference__', most: 3 } as const
export const PRISM_PREFIXES: readonly string[] = [PREFERENCE.prefix, ...Object.values(CATEGORIES)]

const MISSING = 'missing'
/** Free text given as a category would make a column a person. */
const MAX_FEATURE_COLUMNS = 1_000

/** One-hot features of every person of a survey. A value that is missing has a column of its own, where any is. */
export class SurveyFeatures {
  readonly columns: readonly string[]
  private readonly users: ReadonlyMap<UserId, ReadonlySet<string>>
  private readonly missing: readonly string[]
  private readonly unknown = new Set<UserId>()
  private readonly tally: Tally

  private constructor(users: ReadonlyMap<UserId, ReadonlySet<string>>, file: string, tally: Tally) {
    this.users = users
    this.tally = tally
    const all = new Set([...users.values()].flatMap((own) => [...own]))
    this.missing = PRISM_PREFIXES.map((prefix) => `${prefix}${MISSING}`)
    // In the prefixes' order, so that the columns do not depend on who comes first; the missing last.
    this.columns = PRISM_PREFIXES.flatMap((prefix) =>
      [...all, `${prefix}${MISSING}`]
        .filter((name, i, names) => name.startsWith(prefix) && names.indexOf(name) === i)
        .sort((a, b) => Number(a.endsWith(`__${MISSING}`)) - Number(b.endsWith(`__${MISSING}`)) || (a < b ? -1 : 1)),
    )
    if (this.columns.length > MAX_FEATURE_COLUMNS)
      throw new AppError('data_invalid', `The survey would give ${this.columns.length} feature columns`, {
        file,
        fix: 'A column of categories holds free text: check that this is PRISM’s survey.jsonl.',
      })
  }

  static async read(file: string, tally: Tally, signal?: AbortSignal): Promise<SurveyFeatures> {
    const users = new Map<UserId, ReadonlySet<string>>()
    await readRecords(file, {
      ...(signal && { signal }),
      onMalformed: (place, reason) => tally.add('malformed', place, reason),
      onRecord: (record, place) => {
        const id = toIdentifier(record['user_id'])
        if (id.fault !== undefined) return tally.add('no_user', place, 'a person of the survey has no user_id')
        if (users.has(id.value))
          return tally.add(
            'id_repeated',
            place,
            `the survey describes ${JSON.stringify(id.value)} twice; the first counts`,
          )
        users.set(id.value, new Set(categoriesOf(record)))
      },
    })
    if (users.size === 0)
      throw new AppError('data_invalid', 'The survey has nobody with a user_id', { file, findings: tally.describe() })
    return new SurveyFeatures(users, file, tally)
  }

  /** Every feature column of a person, 0 or 1. */
  of(user: UserId, place: Place): SourceRecord {
    const own = this.users.get(user)
    if (!own && !this.unknown.has(user)) {
      this.unknown.add(user)
      this.tally.add('no_profile', place, `the survey does not know ${JSON.stringify(user)}`)
    }
    const set = own ?? new Set(this.missing)
    return Object.fromEntries(this.columns.map((name) => [name, set.has(name) ? 1 : 0]))
  }
}

function categoriesOf(record: SourceRecord): string[] {
  const names = Object.entries(CATEGORIES).map(([column, prefix]) => `${prefix}${textOf(record[column]) ?? MISSING}`)
  const ranks = Object.entries(objectOf(record[PREFERENCE.column]) ?? {})
  const top = ranks.filter(([, rank]) => typeof rank === 'number' && rank >= 1 && rank <= PREFERENCE.most)
  const preferences = top.length > 0 ? top.map(([name]) => name) : [MISSING]
  return [...names, ...preferences.map((name) => `${PREFERENCE.prefix}${name}`)]
}
