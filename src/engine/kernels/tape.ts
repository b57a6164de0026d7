import type { Heap } from './heap'
import { all, own, Program, real, type Cell, type Operation } from './program'

/** The things that stand side by side in a matrix's columns: a batch's pairs, its distinct texts, the users. */
export interface Axis {
  readonly name: string
  /** How many there are in the present step. */
  readonly n: Cell
  /** Threads get whole blocks of so many. */
  readonly block: number
  /** Numbers from one row of a matrix to the next: the most there can be, and room for vectors that run on. */
  readonly stride: number
}

/** [rows, stride] float32: a row a dimension, a column a pair (text, user). */
export interface Matrix {
  readonly at: number
  /** The buffer that it is, or is some rows of. */
  readonly buffer: number
  readonly rows: number
  readonly axis: Axis
}

/** A batch's distinct texts; counts are float32, one a text. */
export interface TextList {
  readonly axis: Axis
  readonly vectors: number
  /** How often each stands as chosen, as rejected, and as either. */
  readonly chosenUses: number
  readonly rejectedUses: number
  readonly uses: number
  /** A factor of each text's vector, or 0. */
  readonly scales: number
}

/** A parameter in the flat vector, and its gradient. */
export interface Parameter {
  readonly at: number
  readonly grad: number
  /** Rows of [rows, columns]; 1 for vectors and scalars. */
  readonly rows: number
  readonly columns: number
  /** Numbers from row to row: wider than `columns` where rows are padded. */
  readonly stride: number
}

/** Text vectors as kernels read them. */
export interface TableForm {
  /** Width rounded up to whole cache lines, in numbers. */
  readonly stride: number
  readonly half: boolean
  /** Whether the vectors of a batch are in no cache when it comes. */
  readonly far: boolean
  /** Where vectors are packed and sums stand side by side: {@link SCRATCH_BYTES} a thread. */
  readonly scratch: number
}

/** See assembly/share.ts. */
export const SCRATCH_BYTES = 128 * 1024

/** Numbers of a matrix below which handing parts to other threads costs more than it saves. */
const WORTH_DIVIDING = 16_384
/** See assembly/matrix.ts, and assembly/share.ts. */
const PARTS = 4
const PAIR_BLOCK = 16

/** The constants that operations point at. */
export interface Constants {
  readonly zero: number
  readonly one: number
}

/**
 * Records operations into a {@link Program}, with what each reads and writes. A model's forward pass records its own
 * operations and returns a function that records its gradient's.
 */
export class Tape {
  readonly program = new Program()
  readonly heap: Heap
  readonly #constants: Constants
  readonly #table: TableForm

  readonly #flat: { gradient: number; length: number } | undefined

  /** @param flat the vector that gradients of text weights stand in, and which the optimiser divides among threads */
  constructor(heap: Heap, constants: Constants, table: TableForm, flat?: { gradient: number; length: number }) {
    this.heap = heap
    this.#constants = constants
    this.#table = table
    this.#flat = flat
  }

  /** A matrix of zeros. */
  matrix(rows: number, axis: Axis): Matrix {
    const at = this.heap.allocate(rows * axis.stride * 4)
    return { at, buffer: at, rows, axis }
  }

  /** Some rows of a matrix, as a matrix. */
  rowsOf(m: Matrix, from: number, rows: number): Matrix {
    return { ...m, at: m.at + from * m.axis.stride * 4, rows }
  }

  vector(length: number): number {
    return this.heap.allocate(length * 4)
  }

  /** @param numbers that it goes through; few are one thread's work */
  #add(
    name: string,
    share: string,
    words: number[],
    reads: Operation['reads'],
    writes: Operation['writes'],
    numbers: number,
  ): void {
    const alone = numbers < WORTH_DIVIDING
    this.program.add({ name, share: alone ? 'one' : share, alone, words, reads, writes })
  }

  /** An operation on each column by itself. */
  #columns(name: string, m: Matrix, words: number[], reads: number[], writes: number[]): void {
    this.#add(name, shareOf(m.axis), words, reads.map(own), writes.map(own), m.rows * m.axis.stride)
  }

  /** out = W x (⊙ scale) + b over a batch's distinct texts: [W's rows, texts]. */
  project(texts: TextList, weight: Parameter, bias?: Parameter): Matrix {
    const out = this.matrix(weight.rows, texts.axis)
    const { stride, half, scratch } = this.#table
    const list = Array.from({ length: weight.rows }, (_, row) => [
      weight.at + row * weight.stride * 4,
      out.at + row * out.axis.stride * 4,
      bias ? bias.at + row * 4 : this.#constants.zero,
    ]).flat()
    this.program.add({
      name: 'project',
      share: shareOf(texts.axis),
      words: [texts.vectors, texts.axis.n, 0, 0, stride, half ? 1 : 0, scratch, texts.scales],
      reads: [all(texts.vectors), all(weight.at), ...(bias ? [all(bias.at)] : [])],
      writes: [own(out.buffer)],
      joined: { key: `project ${texts.vectors}`, list, width: 3, listAt: 2, lengthAt: 3 },
    })
    return out
  }

  /** The gradients of `project`'s weight and bias, from `g` [W's rows, texts], zero beyond the last text. */
  projectGrad(texts: TextList, g: Matrix, weight: Parameter, bias?: Parameter): void {
    this.projectGrads([{ texts, g, weight, bias }])
  }

  /** The same for several products: those over the same texts read them once. */
  projectGrads(products: readonly { texts: TextList; g: Matrix; weight: Parameter; bias?: Parameter }[]): void {
    for (const { g, bias } of products) if (bias) this.rowSums(g, bias.grad)
    for (const { texts, g } of products) if (texts.scales !== 0) this.scale(g, texts.scales)
    const { stride, half, far, scratch } = this.#table
    const sums = products.map(({ texts, g, weight }) => {
      const numbers = weight.rows * weight.stride
      const parts = this.heap.allocate(PARTS * numbers * 4)
      const list = Array.from({ length: weight.rows }, (_, row) => [
        g.at + row * g.axis.stride * 4,
        parts + row * weight.stride * 4,
        numbers * 4,
      ]).flat()
      this.program.add({
        name: 'projectGrad',
        share: `parts of ${texts.axis.name} ${texts.axis.n}`,
        words: [texts.vectors, texts.axis.n, 0, 0, stride, half ? 1 : 0, scratch, far ? 1 : 0],
        reads: [all(g.buffer)],
        writes: [own(parts)],
        joined: { key: `projectGrad ${texts.vectors}`, list, width: 3, listAt: 2, lengthAt: 3 },
      })
      return { parts, numbers, weight }
    })
    for (const { parts, numbers, weight } of sums) {
      const { gradient, length } = this.#flat ?? { gradient: weight.grad, length: numbers }
      this.program.add({
        name: 'sumParts',
        share: flatShare(length),
        words: [gradient, length, (weight.grad - gradient) / 4, numbers, parts, numbers * 4],
        reads: [all(parts)],
        writes: [own(weight.grad)],
      })
    }
  }

  /** W in + b of a small W: [W's rows, in's columns]. */
  linear(input: Matrix, weight: Parameter, bias?: Parameter): Matrix {
    const { axis } = input
    const out = this.matrix(weight.rows, axis)
    this.#add(
      'linear',
      shareOf(axis),
      [
        ...[weight.at, bias?.at ?? 0, input.at, axis.stride, input.rows],
        ...[out.at, axis.stride, out.rows, axis.n, axis.block],
      ],
      [own(input.buffer), all(weight.at), ...(bias ? [all(bias.at)] : [])],
      [own(out.buffer)],
      weight.rows * weight.columns * axis.stride,
    )
    return out
  }

  linearInputGrad(g: Matrix, weight: Parameter): Matrix {
    const { axis } = g
    const out = this.matrix(weight.columns, axis)
    this.#add(
      'linearInputGrad',
      shareOf(axis),
      [weight.at, g.at, axis.stride, g.rows, out.at, axis.stride, out.rows, axis.n, axis.block],
      [own(g.buffer), all(weight.at)],
      [own(out.buffer)],
      weight.rows * weight.columns * axis.stride,
    )
    return out
  }

  /** Sets, or adds to, the gradients of `linear`'s weight and bias. */
  linearWeightGrad(g: Matrix, input: Matrix, weight: Parameter, bias?: Parameter, add = false): void {
    const { axis } = g
    this.#add(
      'linearWeightGrad',
      `dimensions ${input.rows} by 4`,
      [weight.grad, g.at, axis.stride, g.rows, input.at, axis.stride, input.rows, axis.n, add ? 1 : 0],
      [all(g.buffer), all(input.buffer)],
      [own(weight.grad)],
      g.rows * input.rows * axis.stride,
    )
    if (bias) this.rowSums(g, bias.grad, { add })
  }

  /** [table's rows, axis]: the table's columns at these positions. */
  gather(table: Matrix, positions: number, axis: Axis): Matrix {
    const out = this.matrix(table.rows, axis)
    this.#add(
      'gather',
      shareOf(axis),
      [table.at, table.axis.stride, table.rows, positions, out.at, axis.stride, axis.n, axis.block],
      [all(table.buffer), all(positions)],
      [own(out.buffer)],
      out.rows * axis.stride,
    )
    return out
  }

  /** The gradient of one or two `gather`s from one table, into `out`. */
  scatter(out: Matrix, uses: readonly { positions: number; g: Matrix }[]): void {
    const [first, second] = uses
    const { axis } = first!.g
    this.#add(
      'scatter',
      `dimensions ${out.rows}`,
      [
        ...[out.at, out.axis.stride, out.rows, out.axis.n, first!.positions, first!.g.at, axis.stride],
        ...[second?.positions ?? 0, second?.g.at ?? 0, axis.n, this.#table.scratch],
      ],
      uses.flatMap(({ positions, g }) => [all(positions), all(g.buffer)]),
      [own(out.buffer)],
      out.rows * axis.stride,
    )
  }

  /**
   * out_k = factor / m · Σ_b a[k][b] x[k][b], b over a's columns; `and` is a second product, added to the first before the
   * sum. `weights` is one x for all k.
   */
  rowSums(
    a: Matrix,
    out: number,
    options: {
      x?: Matrix
      weights?: number
      and?: { a: Matrix; x?: Matrix }
      factor?: number
      over?: Cell
      add?: boolean
    } = {},
  ): void {
    const { x, weights, and, factor = 1, over = 0, add = false } = options
    const { axis } = a
    this.#add(
      'rowSums',
      `dimensions ${a.rows}`,
      [
        ...[a.at, axis.stride, a.rows, x?.at ?? weights ?? 0, and?.a.at ?? 0, and?.x?.at ?? 0, axis.n, out],
        ...[real(factor), over, add ? 1 : 0, weights === undefined ? 0 : 1],
      ],
      [
        all(a.buffer),
        ...(x ? [all(x.buffer)] : []),
        ...(weights === undefined ? [] : [all(weights)]),
        ...(and ? [all(and.a.buffer)] : []),
        ...(and?.x ? [all(and.x.buffer)] : []),
      ],
      [own(out)],
      a.rows * axis.stride,
    )
  }

  /** Softmax of each column of scale · in. */
  softmax(input: Matrix, scale = 1): Matrix {
    const { axis, rows } = input
    const out = this.matrix(rows, axis)
    const words = [input.at, out.at, axis.stride, rows, real(scale), axis.n, axis.block]
    // On the thread that has just projected its texts, where there are several.
    this.program.add({
      name: 'softmax',
      share: shareOf(axis),
      words,
      reads: [own(input.buffer)],
      writes: [own(out.buffer)],
    })
    return out
  }

  /** Turns the gradient of softmax's result `r` into that of its input, in place. */
  softmaxGrad(r: Matrix, g: Matrix, scale = 1): void {
    const { axis, rows } = r
    const words = [r.at, g.at, g.at, axis.stride, rows, real(scale), axis.n, axis.block]
    this.#columns('softmaxGrad', r, words, [r.buffer, g.buffer], [g.buffer])
  }

  layerNorm(input: Matrix, gain: Parameter, bias: Parameter): { hat: Matrix; out: Matrix; inverse: number } {
    const { axis, rows } = input
    const hat = this.matrix(rows, axis)
    const out = this.matrix(rows, axis)
    const inverse = this.vector(axis.stride)
    this.#add(
      'layerNorm',
      shareOf(axis),
      [input.at, hat.at, out.at, axis.stride, rows, gain.at, bias.at, inverse, axis.n, axis.block],
      [own(input.buffer), all(gain.at), all(bias.at)],
      [own(hat.buffer), own(out.buffer), own(inverse)],
      rows * axis.stride,
    )
    return { hat, out, inverse }
  }

  /** The gradient of layerNorm's input, given that of its result. */
  layerNormGrad(g: Matrix, { hat, inverse }: { hat: Matrix; inverse: number }, gain: Parameter): Matrix {
    const { axis, rows } = g
    const out = this.matrix(rows, axis)
    this.#add(
      'layerNormGrad',
      shareOf(axis),
      [g.at, hat.at, out.at, axis.stride, rows, gain.at, inverse, axis.n, axis.block],
      [own(g.buffer), own(hat.buffer), own(inverse), all(gain.at)],
      [own(out.buffer)],
      rows * axis.stride,
    )
    return out
  }

  l2Norm(input: Matrix): { out: Matrix; inverse: number } {
    const { axis, rows } = input
    const out = this.matrix(rows, axis)
    const inverse = this.vector(axis.stride)
    const words = [input.at, out.at, axis.stride, rows, inverse, axis.n, axis.block]
    this.#columns('l2Norm', input, words, [input.buffer], [out.buffer, inverse])
    return { out, inverse }
  }

  l2NormGrad(g: Matrix, { out: y, inverse }: { out: Matrix; inverse: number }): Matrix {
    const { axis, rows } = g
    const out = this.matrix(rows, axis)
    const words = [g.at, y.at, out.at, axis.stride, rows, inverse, axis.n, axis.block]
    this.#columns('l2NormGrad', g, words, [g.buffer, y.buffer, inverse], [out.buffer])
    return out
  }

  gelu(input: Matrix): Matrix {
    const { axis, rows } = input
    const out = this.matrix(rows, axis)
    this.#columns(
      'gelu',
      input,
      [input.at, out.at, axis.stride, rows, axis.n, axis.block],
      [input.buffer],
      [out.buffer],
    )
    return out
  }

  /** In place: the gradient of gelu(input) becomes that of the input. */
  geluGrad(input: Matrix, g: Matrix): void {
    const { axis, rows } = g
    const words = [input.at, g.at, g.at, axis.stride, rows, axis.n, axis.block]
    this.#columns('geluGrad', g, words, [input.buffer, g.buffer], [g.buffer])
  }

  /** a ⊙ b, into `into.out` (added, if asked) or a new matrix. */
  multiply(a: Matrix, b: Matrix, into?: { out: Matrix; add: boolean }): Matrix {
    const { axis, rows } = a
    const out = into?.out ?? this.matrix(rows, axis)
    const add = into?.add ?? false
    const words = [a.at, b.at, out.at, axis.stride, rows, axis.n, axis.block, add ? 1 : 0, 0]
    this.#columns('multiply', a, words, [a.buffer, b.buffer, ...(add ? [out.buffer] : [])], [out.buffer])
    return out
  }

  /** Each column of `m` times its own factor, in place. */
  scale(m: Matrix, factors: number): void {
    const { axis, rows } = m
    const words = [m.at, factors, m.at, axis.stride, rows, axis.n, axis.block, 0, 1]
    this.#add('multiply', shareOf(axis), words, [own(m.buffer), all(factors)], [own(m.buffer)], rows * axis.stride)
  }

  /** a + factor · b, into `out` or a new matrix. */
  combine(a: Matrix, b: Matrix, factor: number, out = this.matrix(a.rows, a.axis)): Matrix {
    const { axis, rows } = a
    const words = [a.at, b.at, out.at, axis.stride, rows, real(factor), axis.n, axis.block]
    this.#columns('combine', a, words, [a.buffer, b.buffer], [out.buffer])
    return out
  }

  /** out[b] = sign · scale · ⟨x_b, y_b⟩, or added to it; `scale` is the address of a factor. */
  dot(x: Matrix, y: Matrix, scale: number, sign: 1 | -1, out: Matrix, add = false): void {
    const { axis, rows } = x
    const words = [x.at, y.at, axis.stride, rows, scale, out.at, real(sign), axis.n, axis.block, add ? 1 : 0]
    this.#add(
      'dot',
      shareOf(axis),
      words,
      [own(x.buffer), own(y.buffer), all(scale), ...(add ? [own(out.buffer)] : [])],
      [own(out.buffer)],
      rows * axis.stride,
    )
  }

  /** The gradient of `dot` with respect to x, given y. */
  dotGrad(y: Matrix, scale: number, sign: 1 | -1, g: Matrix): Matrix {
    const { axis, rows } = y
    const out = this.matrix(rows, axis)
    const words = [y.at, out.at, axis.stride, rows, scale, g.at, real(sign), axis.n, axis.block]
    this.#add(
      'dotGrad',
      shareOf(axis),
      words,
      [own(y.buffer), own(g.buffer), all(scale)],
      [own(out.buffer)],
      rows * axis.stride,
    )
    return out
  }

  /** in ⊙ mask for a batch's pairs; see the kernel for the draws. `before`: widths of the step's earlier masks. */
  dropout(
    input: Matrix,
    rate: number,
    noise: { before: number; key0: number; key1: number; step: number; threads: number },
  ): { out: Matrix; mask: Matrix } {
    const { axis, rows } = input
    // The kernel divides its draws by blocks of pairs, and `before` counts masks of as many columns as this one.
    if (axis.block !== PAIR_BLOCK) throw new Error(`masks are drawn for pairs, not for ${axis.name}`)
    const out = this.matrix(rows, axis)
    const mask = this.matrix(rows, axis)
    const scratch = this.heap.allocate(noise.threads * (64 * rows + 128))
    // A uniform draw is (word + ½) / 2³²: it keeps the entry from this word on.
    const keeps = Math.ceil(rate * 2 ** 32 - 0.5) | 0
    const words = [
      ...[input.at, out.at, mask.at, axis.stride, rows, noise.before, keeps, real(1 / (1 - rate))],
      ...[noise.key0 | 0, noise.key1 | 0, noise.step, scratch, axis.n],
    ]
    this.#add(
      'dropout',
      shareOf(axis),
      words,
      [own(input.buffer), all(noise.step)],
      [own(out.buffer), own(mask.at)],
      8 * rows * axis.stride,
    )
    return { out, mask }
  }

  /**
   * Rows of r = softmax(scale · logits) and d of a batch's texts; the logits are lost. See the kernel.
   *
   * @param training whether their gradients will be asked for
   */
  irtTexts(difficulty: Matrix, logits: Matrix, scale: number, training: boolean): IrtTexts {
    const { axis, rows: K } = difficulty
    const room = (axis.stride + 4) * 8 * roundUp4(K)
    const rows = this.heap.allocate(room)
    const gradients = training ? this.heap.allocate(room) : 0
    this.#add(
      'irtTexts',
      shareOf(axis),
      [difficulty.at, logits.at, axis.stride, K, real(scale), axis.n, axis.block, rows, gradients],
      [own(difficulty.buffer), own(logits.buffer)],
      [own(logits.buffer), own(rows), ...(training ? [own(gradients)] : [])],
      2 * K * axis.stride,
    )
    return { axis, K, scale, rows, gradients }
  }

  /** caimira's margin; see the kernel. */
  irtMargin(texts: IrtTexts, sides: IrtSides, margin: Matrix): void {
    const { axis, rows } = sides.skill
    this.#add(
      'irtMargin',
      shareOf(axis),
      [...irtWords(texts, sides), margin.at, axis.n],
      [all(texts.rows), own(sides.skill.buffer), all(sides.centreChosen), all(sides.centreRejected)],
      [own(margin.buffer)],
      rows * axis.stride,
    )
  }

  /**
   * Adds the gradients of texts to theirs, replaces the skills by their gradient, and gives those of the centres, factor / n · Σ_b ∂/∂d: one of
   * each side, or one of both.
   */
  irtMarginGrad(
    texts: IrtTexts,
    sides: IrtSides,
    g: Matrix,
    centres: readonly [number, number?],
    factor: number,
  ): void {
    const [one, other = 0] = centres
    this.program.add({
      name: 'irtMarginGrad',
      share: 'one',
      alone: true,
      words: [...irtWords(texts, sides), g.at, sides.skill.axis.n, texts.gradients, one, other, real(factor)],
      reads: [texts.rows, texts.gradients, g.buffer, sides.skill.buffer, sides.centreChosen, sides.centreRejected].map(
        all,
      ),
      writes: [texts.gradients, sides.skill.buffer, one, other].filter((at) => at !== 0).map(all),
    })
  }

  /** The gradients of what `irtTexts` got, to which each use of a text adds a centre's gradient. */
  irtTextsGrad(
    texts: IrtTexts,
    difficulty: Matrix,
    logits: Matrix,
    centres: readonly { gradient: number; uses: number }[],
  ): void {
    const { axis, K, scale, rows, gradients } = texts
    const [one, other] = centres
    this.#add(
      'irtTextsGrad',
      shareOf(axis),
      [
        ...[rows, gradients, K, real(scale), difficulty.at, logits.at, axis.stride, axis.n, axis.block],
        ...[one!.gradient, one!.uses, other?.gradient ?? 0, other?.uses ?? 0],
      ],
      [own(rows), own(gradients), ...centres.flatMap(({ gradient, uses }) => [all(gradient), all(uses)])],
      [own(difficulty.buffer), own(logits.buffer)],
      2 * K * axis.stride,
    )
  }

  /** The loss of z = reward + δ; `sums` has 4 float64 for each 16 pairs. */
  preference(margin: Matrix, reward: number, g: Matrix, sums: number): void {
    const { axis } = margin
    const words = [margin.at, reward, g.at, sums, axis.n]
    this.#add(
      'preference',
      shareOf(axis),
      words,
      [own(margin.buffer), all(reward)],
      [own(g.buffer), own(sums)],
      axis.stride,
    )
  }

  /** A learned factor, clamped: see the kernel. */
  clampScale(parameter: Parameter, cell: number, [low, high]: readonly [number, number], factor: number): void {
    const words = [parameter.at, cell, real(low), real(high), real(factor)]
    this.#add('clampScale', 'one', words, [all(parameter.at)], [all(cell)], 1)
  }

  clampScaleGrad(
    parameter: Parameter,
    cell: number,
    [low, high]: readonly [number, number],
    factor: number,
    g: Matrix,
    margin: Matrix,
  ): void {
    const words = [
      ...[parameter.at, cell, real(low), real(high), real(factor), g.at, margin.at, margin.axis.n],
      parameter.grad,
    ]
    const reads = [all(parameter.at), all(cell), all(g.buffer), all(margin.buffer)]
    this.#add('clampScaleGrad', 'one', words, reads, [all(parameter.grad)], 1)
  }

  /** Brings users' columns to at most a norm, in place: those of the batch, or all. */
  renormalise(table: Matrix, count: number, limit: number, batch?: { users: number; n: Cell }): void {
    const flags = this.vector(count)
    const words = [
      ...[table.at, table.axis.stride, table.rows, count, batch?.users ?? 0, batch?.n ?? this.#constants.zero, flags],
      real(limit),
    ]
    this.#add('renormalise', 'one', words, batch ? [all(batch.users)] : [], [all(table.buffer)], 1)
  }

  /** A copy of the trained users' columns with the generic user after them. */
  withGenericUser(table: Matrix, trained: number): Matrix {
    const out = this.matrix(table.rows, table.axis)
    this.#add(
      'withGenericUser',
      `dimensions ${table.rows}`,
      [table.at, table.axis.stride, table.rows, trained, out.at],
      [all(table.buffer)],
      [own(out.buffer)],
      table.rows * table.axis.stride,
    )
    return out
  }
}

/** Texts' r and d, a row each, and the rows of their gradients; 0 where nothing is trained. */
export interface IrtTexts {
  axis: Axis
  K: number
  scale: number
  rows: number
  gradients: number
}

/** A batch's pairs: positions of their texts, their skills [K, pairs], and what is taken off the difficulties. */
export interface IrtSides {
  chosen: number
  rejected: number
  skill: Matrix
  /** [K] */
  centreChosen: number
  centreRejected: number
}

const irtWords = (
  { rows, K }: IrtTexts,
  { chosen, rejected, skill, centreChosen, centreRejected }: IrtSides,
): number[] => [rows, K, chosen, rejected, skill.at, skill.axis.stride, centreChosen, centreRejected]

const roundUp4 = (n: number): number => Math.ceil(n / 4) * 4

/** How the optimiser divides parameters. */
export const flatShare = (length: number): string => `flat ${length}`

const shareOf = ({ name, n, block }: Axis): string => `${name} ${n} by ${block}`
