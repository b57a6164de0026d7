import type { SimulationOptions } from '../../shared/domain/simulation'
import { fillNormal, permutation, RandomStream } from '../loop/random'

/**
 * What is true in a simulation, drawn from the seed alone. A is the number of attributes, D the vectors' width; all
 * matrices are row-major.
 */
export interface World {
  readonly options: SimulationOptions
  readonly questions: Questions
  /** [users, A] preference vectors at the first pair, of expected length 1. */
  readonly users: Float32Array
  /** [users, A] what is added to them until the last pair. */
  readonly drift: Float32Array
  /** Group of every user; empty where there are none. */
  readonly clusters: Int32Array
  /** 1 for the users of test_unseen. */
  readonly unseen: Uint8Array
  /** [texts, A] attributes of every answer, standard normal; those of prompts are 0. */
  readonly attributes: Float32Array
  /** [A, D] orthonormal rows: where in the vectors the attributes stand. */
  readonly directions: Float32Array
}

/** Which texts are the prompt and the answers of a question: consecutive ones, the last question takes what is left. */
export class Questions {
  readonly count: number
  private readonly size: number
  private readonly texts: number

  constructor({ texts, answers }: Pick<SimulationOptions, 'texts' | 'answers'>) {
    this.size = answers + 1
    this.count = Math.floor(texts / this.size)
    this.texts = texts
  }

  prompt(question: number): number {
    return question * this.size
  }

  answers(question: number): number {
    return question === this.count - 1 ? this.texts - question * this.size - 1 : this.size - 1
  }

  /** Question of a text, and its place there: 0 for the prompt, answers from 1. */
  placeOf(text: number): { question: number; place: number } {
    const question = Math.min(Math.floor(text / this.size), this.count - 1)
    return { question, place: text - question * this.size }
  }
}

export function drawWorld(options: SimulationOptions): World {
  const { seed, users, attributes: A, width, texts } = options
  const questions = new Questions(options)
  const attributes = new Float32Array(texts * A)
  fillNormal(attributes, 1, new RandomStream(seed, 'simulate/attributes'))
  for (let q = 0; q < questions.count; q++) attributes.fill(0, questions.prompt(q) * A, (questions.prompt(q) + 1) * A)
  const { vectors, clusters } = drawUsers(options)
  const drift = new Float32Array(options.drift > 0 ? users * A : 0)
  fillNormal(drift, options.drift / Math.sqrt(A), new RandomStream(seed, 'simulate/drift'))
  const unseen = new Uint8Array(users)
  const order = permutation(users, new RandomStream(seed, 'simulate/unseen'))
  // One user at least is left to learn from.
  const count = Math.min(Math.round(options.unseen * users), users - 1)
  for (let i = 0; i < count; i++) unseen[order[i]!] = 1
  return {
    options,
    questions,
    users: vectors,
    drift,
    clusters,
    unseen,
    attributes,
    directions: orthonormalRows(A, width, new RandomStream(seed, 'simulate/directions')),
  }
}

/**
 * w_u = √(1 − s) c_g(u) + √s ε_u with the spread s, groups' centres c and ε of the same distribution N(0, I/A); without
 * groups w_u = ε_u.
 */
function drawUsers({ seed, users, attributes: A, clusters: groups, spread }: SimulationOptions): {
  vectors: Float32Array
  clusters: Int32Array
} {
  const sd = 1 / Math.sqrt(A)
  const vectors = new Float32Array(users * A)
  fillNormal(vectors, sd, new RandomStream(seed, 'simulate/users'))
  if (groups === 0) return { vectors, clusters: new Int32Array(0) }
  const centres = new Float32Array(groups * A)
  fillNormal(centres, sd, new RandomStream(seed, 'simulate/centres'))
  const stream = new RandomStream(seed, 'simulate/clusters')
  const clusters = Int32Array.from({ length: users }, () => stream.below(groups))
  for (let u = 0; u < users; u++)
    for (let a = 0; a < A; a++)
      vectors[u * A + a] =
        Math.sqrt(1 - spread) * centres[clusters[u]! * A + a]! + Math.sqrt(spread) * vectors[u * A + a]!
  return { vectors, clusters }
}

/** [rows, width] orthonormal rows: normal draws, then modified Gram–Schmidt (twice, which is enough in float64). */
function orthonormalRows(rows: number, width: number, stream: RandomStream): Float32Array {
  const out = new Float32Array(rows * width)
  const normal = new Float32Array(width)
  const done: Float64Array[] = []
  while (done.length < rows) {
    fillNormal(normal, 1, stream)
    const row = Float64Array.from(normal)
    for (let pass = 0; pass < 2; pass++) for (const other of done) subtract(row, other, dot(row, other))
    const length = Math.sqrt(dot(row, row))
    // Drawn again where nothing is left of it, which happens to no width above 1.
    if (length < 1e-6) continue
    out.set(
      row.map((value) => value / length),
      done.length * width,
    )
    done.push(row.map((value) => value / length))
  }
  return out
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function subtract(from: Float64Array, what: Float64Array, times: number): void {
  for (let i = 0; i < from.length; i++) from[i]! -= times * what[i]!
}

/** The text of a row, distinct from every other. An answer names its attributes, so that its words tell them too. */
export function textOf({ questions, options, attributes }: World, row: number): string {
  const { question, place } = questions.placeOf(row)
  if (place === 0) return `Question ${question}`
  const { attributes: A } = options
  let words = ''
  for (let a = 0; a < A; a++) words += ` a${a} ${attributes[row * A + a]!.toFixed(2)}`
  return `Answer ${place} to question ${question}:${words}`
}
