import type { Alignment, Recovery } from '../../shared/domain/recovery'
import { permutation, RandomStream } from '../loop/random'
import { align } from './alignment'
import { centreColumns, correlation, leading, matrix, product, svd, transpose, type Matrix64 } from './linearAlgebra'

export interface Margins {
  /** [U, P] the model's margins z of every trained user on every probe. */
  readonly model: Matrix64
  /** [U, A] the users' true preference vectors. */
  readonly users: Matrix64
  /** [P, A] difference of the attributes of each probe's two answers. */
  readonly probes: Matrix64
}

type Figures = Omit<Recovery, 'type' | 'runId' | 'model_name'>

/**
 * Holds a model's margins against the truth. The model's users are known by what it says of them, whatever its form: the
 * scores of the first A principal components of its centred margins are their learned vectors.
 */
export function measureRecovery({ model, users, probes }: Margins, seed: number): Figures {
  const A = users.columns
  const own = ownMargins(model)
  const { u, s } = svd(own)
  const dimensions = Math.min(A, s.length)
  const learned = leading(u, dimensions)
  for (let r = 0; r < learned.rows; r++)
    for (let c = 0; c < dimensions; c++) learned.values[r * dimensions + c]! *= s[c]!
  const variance = s.reduce((sum, value) => sum + value * value, 0)
  const held = s.slice(0, dimensions).reduce((sum, value) => sum + value * value, 0)
  const others = shuffledRows(users, seed)
  const truth = against(users, probes, model, own, learned)
  const chance = against(others, probes, model, own, learned)
  return {
    users: users.rows,
    probes: probes.rows,
    attributes: A,
    ...truth,
    common_r: correlation(columnMeans(product(users, transpose(probes))), columnMeans(model)),
    variance_held: variance > 0 ? held / variance : 0,
    control: chance,
  }
}

/** Margins are float32: what is left of them below this share is rounding, and says nothing of anybody. */
const ROUNDING = 1e-6

/** Margins less their means over users; all 0 for a model that is the same for everybody. */
function ownMargins(model: Matrix64): Matrix64 {
  const own = centreColumns(model)
  const size = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0)
  const isRounding = size(own.values) <= ROUNDING ** 2 * size(model.values)
  return isRounding ? matrix(own.rows, own.columns) : own
}

function against(
  users: Matrix64,
  probes: Matrix64,
  model: Matrix64,
  own: Matrix64,
  learned: Matrix64,
): { agreement: number; own_r: number; alignment: Alignment } {
  const margins = product(users, transpose(probes))
  let right = 0
  margins.values.forEach((value, i) => {
    if (value > 0 === model.values[i]! > 0 && model.values[i] !== 0) right++
  })
  return {
    agreement: right / margins.values.length,
    own_r: correlation(centreColumns(margins).values, own.values),
    alignment: align(users, learned),
  }
}

function columnMeans({ rows, columns, values }: Matrix64): Float64Array {
  const means = new Float64Array(columns)
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) means[c]! += values[r * columns + c]! / rows
  return means
}

function shuffledRows({ rows, columns, values }: Matrix64, seed: number): Matrix64 {
  const out = matrix(rows, columns)
  permutation(rows, new RandomStream(seed, 'recover/control')).forEach((from, to) => {
    out.values.set(values.subarray(from * columns, (from + 1) * columns), to * columns)
  })
  return out
}
