import { expect, test } from 'vitest'
import { t975 } from './studentT'

// scipy.stats.t.ppf(0.975, df)
test.for<[number, number]>([
  [1, 12.706204736],
  [2, 4.30265273],
  [4, 2.776445105],
  [10, 2.228138852],
  [11, 2.20098516],
  [15, 2.131449546],
  [30, 2.042272456],
  [100, 1.983971519],
  [1000, 1.962339081],
])('an interval of a mean with %d degrees of freedom is too narrow or too wide', ([degrees, value]) =>
  expect(t975(degrees)).toBeCloseTo(value, 5),
)
