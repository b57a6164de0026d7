/** The 97.5th percentile of the normal distribution. */
const Z = 1.959963984540054

/** Of 1 to 10 degrees of freedom, where the expansion below is not good enough. */
const FEW = [
  12.706204736174707, 4.302652729749464, 3.182446305284263, 2.776445105198793, 2.570581836314803, 2.446911851144969,
  2.364624251592785, 2.306004135204166, 2.262157162798205, 2.228138851964939,
]

/**
 * The 97.5th percentile of Student's t distribution, which makes a 95 % interval of a mean; to five decimals.
 *
 * For more than ten degrees of freedom by the expansion around the normal one (Abramowitz and Stegun, 1964, 26.7.5).
 */
export function t975(degrees: number): number {
  const few = FEW[degrees - 1]
  if (few !== undefined) return few
  const z2 = Z * Z
  const terms = [
    (Z * (z2 + 1)) / 4,
    (Z * (5 * z2 ** 2 + 16 * z2 + 3)) / 96,
    (Z * (3 * z2 ** 3 + 19 * z2 ** 2 + 17 * z2 - 15)) / 384,
    (Z * (79 * z2 ** 4 + 776 * z2 ** 3 + 1482 * z2 ** 2 - 1920 * z2 - 945)) / 92160,
  ]
  return terms.reduce((sum, term, power) => sum + term / degrees ** (power + 1), Z)
}
