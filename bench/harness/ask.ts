import { Missing } from './missing'
import type { Row } from './question'

/** A comparison that cannot be made here becomes a row that says why; anything else that goes wrong, one that failed. */
export async function orMissing(row: Row, measure: () => Promise<Row>): Promise<Row> {
  try {
    return await measure()
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    return { ...row, missing: reason, ...(!(thrown instanceof Missing) && { failed: true }) }
  }
}
