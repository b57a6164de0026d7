import * as tf from '@tensorflow/tfjs-core'
import type { NamedArray } from '../backends/execution'
import type { Model, Tensors } from '../models/model'
import type { Sensitivities } from './informativePairs'

/** Adam on standardised rows: a step moves a row by at most this many standard deviations of the trained rows. */
const LEARNING_RATE = 0.1
const STEPS = 150

/** Where Adam is: at which table, at which of its steps, and its two moments. */
interface Fit {
  table: number
  step: number
  m: tf.Tensor
  v: tf.Tensor
}

/** A table whose trained rows do not differ in a dimension still lets new users move a little. */
const MIN_SD = 1e-3

/**
 * Rows of new users in a model's per-user tables, as maximum a posteriori estimates: the prior of each dimension is a
 * normal with the mean (the generic user) and the standard deviation of the trained rows, so that few pairs move a row
 * a little and many move it far (empirical Bayes). With no pairs a row is the generic user's.
 */
export class NewUserRows {
  readonly #tables: { name: string; mean: tf.Tensor; sd: tf.Tensor; rows: tf.Tensor }[]
  #fit: Fit | undefined

  private constructor(tables: { name: string; mean: tf.Tensor; sd: tf.Tensor; rows: tf.Tensor }[]) {
    this.#tables = tables
  }

  /** Generic rows for `count` users. */
  static generic(model: Model, parameters: () => Tensors, trainedUsers: number, count: number): NewUserRows {
    const tables: { name: string; mean: tf.Tensor; sd: tf.Tensor; rows: tf.Tensor }[] = []
    tf.tidy(() => {
      const trained = parameters()
      for (const { name, perUser } of model.parameters) {
        if (!perUser) continue
        const table = trained[name]!
        const width = table.shape[1]!
        const { mean, variance } = tf.moments(tf.slice(table, [0, 0], [trainedUsers, width]), 0, true)
        const sd = tf.maximum(tf.sqrt(variance), MIN_SD)
        tables.push({ name, mean: tf.keep(mean), sd: tf.keep(sd), rows: tf.keep(tf.zeros([count, width])) })
      }
    })
    return new NewUserRows(tables)
  }

  /** The per-user tables, by parameter. */
  tables(): Tensors {
    return this.#tablesOf(this.#tables.map(({ rows }) => rows))
  }

  #tablesOf(standardised: readonly tf.Tensor[]): Tensors {
    return Object.fromEntries(
      this.#tables.map(({ name, mean, sd }, at) => [name, tf.add(mean, tf.mul(sd, standardised[at]!))]),
    )
  }

  /**
   * Margins of pairs, and how they change with the rows of their users in standard deviations of the trained rows.
   *
   * @param owners [pairs] whose pair each is
   * @param margins [pairs] of tables that have a row a pair
   */
  sensitivities(owners: tf.Tensor1D, margins: (tables: Tensors) => tf.Tensor): Sensitivities {
    return tf.tidy(() => {
      const own = this.#tables.map(({ rows }) => tf.gather(rows, owners))
      let z: tf.Tensor | undefined
      const gradients = tf.grads((...rows: tf.Tensor[]) => {
        z = tf.keep(margins(this.#tablesOf(rows)))
        return tf.sum(z)
      })(own)
      const all = tf.concat(gradients, 1)
      const found = { width: all.shape[1]!, z: z!.dataSync<'float32'>(), gradients: all.dataSync<'float32'>() }
      tf.dispose(z!)
      return found
    })
  }

  /**
   * Goes on with Adam on −log posterior, table by table, until all steps are taken or `forMs` have passed; once they are taken, it begins anew.
   *
   * @param loss the sum over pairs of −log likelihood, as a function of the tables
   * @returns share of the steps that are taken, 1 at the end
   */
  fitFor(forMs: number, loss: (tables: Tensors) => tf.Tensor): number {
    const until = performance.now() + forMs
    const fit = (this.#fit ??= this.#beginAt(0))
    const table = this.#tables[fit.table]!
    const others = this.tables()
    const objective = tf.grad((rows: tf.Tensor) =>
      tf.add(
        loss({ ...others, [table.name]: tf.add(table.mean, tf.mul(table.sd, rows)) }),
        tf.mul(0.5, tf.sum(tf.square(rows))),
      ),
    )
    while (fit.step < STEPS) {
      fit.step++
      const next = tf.tidy(() => {
        const gradient = objective(table.rows)
        const m1 = tf.add(tf.mul(fit.m, 0.9), tf.mul(gradient, 0.1))
        const v1 = tf.add(tf.mul(fit.v, 0.999), tf.mul(tf.square(gradient), 0.001))
        const denominator = tf.add(tf.sqrt(tf.div(v1, 1 - 0.999 ** fit.step)), 1e-8)
        const move = tf.div(tf.mul(m1, LEARNING_RATE / (1 - 0.9 ** fit.step)), denominator)
        return [tf.sub(table.rows, move), m1, v1]
      })
      tf.dispose([table.rows, fit.m, fit.v])
      table.rows = tf.keep(next[0]!)
      fit.m = tf.keep(next[1]!)
      fit.v = tf.keep(next[2]!)
      if (performance.now() >= until) break
    }
    const share = (fit.table + fit.step / STEPS) / this.#tables.length
    if (fit.step === STEPS) {
      tf.dispose([fit.m, fit.v])
      this.#fit = share < 1 ? this.#beginAt(fit.table + 1) : undefined
    }
    return share
  }

  #beginAt(table: number): Fit {
    const { rows } = this.#tables[table]!
    return { table, step: 0, m: tf.keep(tf.zerosLike(rows)), v: tf.keep(tf.zerosLike(rows)) }
  }

  vectors(): NamedArray[] {
    return tf.tidy(() =>
      Object.entries(this.tables()).map(([name, table]) => ({
        name,
        shape: table.shape,
        values: table.dataSync<'float32'>(),
      })),
    )
  }

  dispose(): void {
    for (const { mean, sd, rows } of this.#tables) tf.dispose([mean, sd, rows])
    if (this.#fit) tf.dispose([this.#fit.m, this.#fit.v])
    this.#fit = undefined
  }
}
