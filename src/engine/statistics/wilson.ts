/** The 97.5 % point of the standard normal distribution. */
const Z = 1.959963984540054

/**
 * The 95 % interval of a share by Wilson's score (Wilson, 1927): never beyond 0 and 1, and of use also for few trials and for
 * shares of 0 or 1.
 *
 * @param trials at least 1
 */
export function wilsonInterval(successes: number, trials: number): { low: number; high: number } {
  const share = successes / trials
  const square = Z ** 2 / trials
  const centre = (share + square / 2) / (1 + square)
  const half = (Z * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials))) / (1 + square)
  // At 0 and 1 the bound is the share itself, but for rounding.
  return { low: successes === 0 ? 0 : centre - half, high: successes === trials ? 1 : centre + half }
}
