/**
 * For tests: the models' building blocks in plain float64 TypeScript, written from their formulas alone, so that the
 * tensor code is checked by something that shares nothing with it.
 */
export type Vector = readonly number[]
export type Matrix = readonly Vector[]
/** Parameters and buffers, flat and row-major. */
export type Values = Readonly<Record<string, ArrayLike<number>>>

export const sum = (values: Vector): number => values.reduce((a, b) => a + b, 0)
export const mean = (values: Vector): number => sum(values) / values.length
export const dot = (a: Vector, b: Vector): number => sum(a.map((value, i) => value * b[i]!))
export const times = (a: Vector, b: Vector): number[] => a.map((value, i) => value * b[i]!)
export const minus = (a: Vector, b: Vector): number[] => a.map((value, i) => value - b[i]!)
export const columnMeans = (rows: Matrix): number[] => rows[0]!.map((_, k) => mean(rows.map((row) => row[k]!)))
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

export function value(p: Values, name: string): ArrayLike<number> {
  const found = p[name]
  if (!found) throw new Error(`there is no parameter ${name}`)
  return found
}

export const vector = (p: Values, name: string): number[] => Array.from(value(p, name))

/** Row `i` of a table whose rows are `width` wide. */
export const row = (p: Values, name: string, i: number, width: number): number[] =>
  vector(p, name).slice(i * width, (i + 1) * width)

/** W x + b, b where there is one. */
export function linear(p: Values, name: string, x: Vector): number[] {
  const weight = vector(p, `${name}.weight`)
  const bias = p[`${name}.bias`]
  return Array.from({ length: weight.length / x.length }, (_, out) => {
    const from = out * x.length
    return dot(weight.slice(from, from + x.length), x) + (bias?.[out] ?? 0)
  })
}

export function softmax(logits: Vector): number[] {
  const largest = Math.max(...logits)
  const powers = logits.map((logit) => Math.exp(logit - largest))
  return powers.map((power) => power / sum(powers))
}

export function layerNorm(p: Values, name: string, x: Vector): number[] {
  const centre = mean(x)
  const variance = mean(x.map((v) => (v - centre) ** 2))
  const gain = vector(p, `${name}.weight`)
  const bias = vector(p, `${name}.bias`)
  return x.map((v, k) => ((v - centre) / Math.sqrt(variance + 1e-5)) * gain[k]! + bias[k]!)
}

export function l2Norm(x: Vector): number[] {
  const norm = Math.max(Math.sqrt(dot(x, x)), 1e-12)
  return x.map((v) => v / norm)
}

/** erf by its Taylor series, exact to 1e-11 for |x| < 4. */
export function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x)
  let term = x
  let total = x
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n
    total += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * total
}

export const gelu = (x: number): number => (x / 2) * (1 + erf(x / Math.SQRT2))
export const l1 = (p: Values, name: string): number => sum(vector(p, name).map(Math.abs))
export const squares = (p: Values, name: string): number => sum(vector(p, name).map((v) => v * v))
