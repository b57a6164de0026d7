import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
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
const rowSchema = z.object({ u_id: z.union([z.string(), z.number(), z.bigint()]), z: z.number() })

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
      this.#db.handle.prepare('DELETE FROM user_results WHERE run = ?').run(key)
      const insert = this.#db.handle.prepare(
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
    const rows = await predictions(path.join(dir, RUN_FILES.predictions, `${split}.parquet`)).catch(() => [])
    const users = new Map<string, { pairs: number; right: number; loss: number }>()
    for (const row of rows) {
      const parsed = rowSchema.safeParse(row).data
      if (!parsed) continue
      const user = String(parsed.u_id)
      const sum = users.get(user) ?? { pairs: 0, right: 0, loss: 0 }
      users.set(user, sum)
      sum.pairs++
      if (parsed.z > 0) sum.right++
      // softplus(−z), without overflow.
      sum.loss += Math.max(0, -parsed.z) + Math.log1p(Math.exp(-Math.abs(parsed.z)))
    }
    for (const [user, { pairs, right, loss }] of users)
      found.push({ split, user, pairs, acc: right / pairs, loss: loss / pairs })
  }
  return found
}

async function predictions(file: string): Promise<object[]> {
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
