import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import { PAIR_ORDERS, pairSubsetSchema, type PairOrder, type PairSubset } from '../../shared/domain/userPairs'

/** Which pairs are listed, as an address has it. */
export interface PairsPlace {
  of: PairSubset | null
  order: PairOrder
}

/** Reads an address; whatever it says that cannot be is left out. */
export function pairsPlaceOf({ bin, column, value, order }: LocationQuery): PairsPlace {
  const given = bin !== undefined ? { by: 'bin', bin: Number(bin) } : { by: 'slice', column, value }
  return {
    of: pairSubsetSchema.safeParse(given).data ?? null,
    order: PAIR_ORDERS.find((one) => one === order) ?? 'mistakes',
  }
}

/** What stands in the address for it; undefined takes away what stood there. */
export function queryOfPairs({ of, order }: PairsPlace): LocationQueryRaw {
  return {
    bin: of?.by === 'bin' ? String(of.bin) : undefined,
    column: of?.by === 'slice' ? of.column : undefined,
    value: of?.by === 'slice' ? of.value : undefined,
    order: order === 'mistakes' ? undefined : order,
  }
}

/** The address of some pairs of a run's split. */
export const addressOfPairs = (
  run: string,
  split: string,
  of: PairSubset,
): { name: 'users'; query: LocationQueryRaw } => ({
  name: 'users',
  query: { run, split, tab: 'pairs', ...queryOfPairs({ of, order: 'mistakes' }) },
})
