import {
  comparisonAddressSchema,
  MOST_SAVED,
  type ComparisonAddress,
  type SavedComparison,
} from '../../shared/domain/savedComparisons'
import { AppError } from '../../shared/errors'
import type { HistoryDatabase } from './database'

/** Comparisons that people have kept under a name. */
export class SavedComparisonTable {
  readonly #db: HistoryDatabase

  constructor(db: HistoryDatabase) {
    this.#db = db
  }

  list(): SavedComparison[] {
    const collator = new Intl.Collator('en', { numeric: true })
    return this.#db.handle
      .prepare<[], SavedComparison>('SELECT name, runs, saved FROM comparisons')
      .all()
      .sort((a, b) => collator.compare(a.name, b.name))
  }

  /** @throws AppError `not_found` */
  open(name: string): ComparisonAddress {
    const text = this.#db.handle
      .prepare<[string], string>('SELECT address FROM comparisons WHERE name = ?')
      .pluck()
      .get(name)
    if (text === undefined) throw unknown(name)
    return comparisonAddressSchema.parse(JSON.parse(text))
  }

  /** @throws AppError `usage` for a name that is taken, or one too many */
  save(name: string, address: ComparisonAddress, replace: boolean): void {
    this.#db.write('save a comparison', () => {
      if (!replace) this.#refuseTaken(name)
      const { handle } = this.#db
      const count = Number(handle.prepare('SELECT count(*) FROM comparisons WHERE name <> ?').pluck().get(name))
      if (count >= MOST_SAVED)
        throw new AppError('usage', `${MOST_SAVED} comparisons are saved already`, { fix: 'Delete one first.' })
      handle
        .prepare('INSERT OR REPLACE INTO comparisons (name, address, runs, saved) VALUES (?, ?, ?, ?)')
        .run(name, JSON.stringify(address), (address['runs'] ?? '').split(',').length, Date.now())
    })
  }

  /** @throws AppError `not_found`, `usage` for a name that is taken */
  rename(from: string, to: string): void {
    this.#db.write('rename a comparison', () => {
      if (from !== to) this.#refuseTaken(to)
      const { changes } = this.#db.handle.prepare('UPDATE comparisons SET name = ? WHERE name = ?').run(to, from)
      if (changes === 0) throw unknown(from)
    })
  }

  /** @throws AppError `not_found` */
  forget(name: string): void {
    this.#db.write('forget a comparison', () => {
      const { changes } = this.#db.handle.prepare('DELETE FROM comparisons WHERE name = ?').run(name)
      if (changes === 0) throw unknown(name)
    })
  }

  #refuseTaken(name: string): void {
    if (this.#db.handle.prepare('SELECT 1 FROM comparisons WHERE name = ?').get(name) === undefined) return
    throw new AppError('usage', `There is a comparison called "${name}" already`, {
      fix: 'Choose another name, or replace it.',
    })
  }
}

function unknown(name: string): AppError {
  return new AppError('not_found', `There is no saved comparison called "${name}"`, { fix: 'Choose one of the list.' })
}
