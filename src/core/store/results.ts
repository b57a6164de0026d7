import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { RUN_FILES } from '../../shared/domain/run'
import type { HistoryDatabase } from './database'
import { readFlatColumns } from './flatColumns'

export interface UserResult {
  split: string
  user: string
  pairs: number
  /** Share of pairs with a positive margin. */
  acc: number
  /** Mean of softplus(−z). */
  loss: number
}

const SPLITS = ['dev', 'test', 'test_unseen']
const MAX_BYTES = 256 * 2 ** 20

/** What a run's predictions come to for each user. */
export class ResultTable {
  readonly #db: HistoryDatabase

  constructor(db: HistoryDatabase) {
    this.#db = db
  }

  of(key: number): UserResult[] {
    return this.#db.handle
      .prepare<[number], UserResult>(
        'SELECT split, user, pairs, acc, loss FROM user_results WHERE run = ? ORDER BY split, user',
      )
      .all(key)
  }

  /** Users by split. */
  counts(key: number): Record<string, number> {
    const rows = this.#db.handle
      .prepare<[number], [string, number]>('SELECT split, count(*) FROM user_results WHERE run = ? GROUP BY split')
      .raw()
      .all(key)
    return Object.fromEntries(rows)
  }

  set(key: number, results: readonly UserResult[]): void {
    this.#db.write('set results', () => {
      this.#db.statement('DELETE FROM user_results WHERE run = ?').run(key)
      const insert = this.#db.statement(
        'INSERT OR REPLACE INTO user_results (run, split, user, pairs, acc, loss) VALUES (?, ?, ?, ?, ?, ?)',
      )
      for (const { split, user, pairs, acc, loss } of results) insert.run(key, split, user, pairs, acc, loss)
    })
  }
}

/** Reads `predictions/*.parquet`; a file that is missing or broken has no results. */
export async function readResults(dir: string): Promise<UserResult[]> {
  const found: UserResult[] = []
  for (const split of SPLITS) {
    const file = path.join(dir, RUN_FILES.predictions, `${split}.parquet`)
    // By the ids as they come: most are integers, of which a text for each pair would cost more than all else.
    const users = new Map<string | bigint | number, { pairs: number; right: number; loss: number }>()
    for (const [ids, margins] of await predictions(file).catch(() => []))
      for (let row = 0; row < ids!.length; row++) {
        const [id, z] = [ids![row], margins![row]]
        // Not a schema for each: a sweep has a million of them. A row that is damaged does not count.
        if (typeof z !== 'number' || !Number.isFinite(z)) continue
        if (typeof id !== 'string' && typeof id !== 'bigint' && !(typeof id === 'number' && Number.isFinite(id)))
          continue
        let sum = users.get(id)
        if (!sum) users.set(id, (sum = { pairs: 0, right: 0, loss: 0 }))
        sum.pairs++
        if (z > 0) sum.right++
        // softplus(−z), without overflow.
        sum.loss += Math.max(0, -z) + Math.log1p(Math.exp(-Math.abs(z)))
      }
    for (const [user, { pairs, right, loss }] of users)
      found.push({ split, user: String(user), pairs, acc: right / pairs, loss: loss / pairs })
  }
  return found
}

async function predictions(file: string): Promise<ArrayLike<unknown>[][]> {
  // A pipe in its place would be waited for without end.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await handle.stat()
    const { size } = stat
    if (!stat.isFile() || size > MAX_BYTES) return []
    const bytes = new Uint8Array(size)
    await handle.read(bytes, 0, size, 0)
    return await readFlatColumns(bytes, ['u_id', 'z'])
  } finally {
    await handle.close()
  }
}
