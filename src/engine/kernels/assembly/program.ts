import * as columns from './columns'
import * as irt from './irt'
import * as matrix from './matrix'
import * as pairs from './pairs'
import * as random from './random'
import * as rows from './rows'
import * as steps from './update'

export { permute } from './random'

/**
 * A program is a list of operations in memory, each [code, words, arguments …], which all threads run together: every
 * operation divides its work among them, and a barrier stands wherever one reads what another thread has written.
 */
export const END: i32 = 0
export const BARRIER: i32 = 1
export const batch: i32 = 2
export const project: i32 = 3
export const projectGrad: i32 = 4
export const linear: i32 = 5
export const linearInputGrad: i32 = 6
export const linearWeightGrad: i32 = 7
export const gather: i32 = 8
export const scatter: i32 = 9
export const rowSums: i32 = 10
export const withGenericUser: i32 = 11
export const renormalise: i32 = 12
export const softmax: i32 = 13
export const softmaxGrad: i32 = 14
export const layerNorm: i32 = 15
export const layerNormGrad: i32 = 16
export const l2Norm: i32 = 17
export const l2NormGrad: i32 = 18
export const gelu: i32 = 19
export const geluGrad: i32 = 20
export const multiply: i32 = 21
export const combine: i32 = 22
export const dot: i32 = 23
export const dotGrad: i32 = 24
export const dropout: i32 = 25
export const irtMargin: i32 = 26
export const irtMarginGrad: i32 = 27
export const preference: i32 = 28
export const clampScale: i32 = 29
export const clampScaleGrad: i32 = 30
export const penalise: i32 = 31
export const update: i32 = 32
export const figures: i32 = 33
export const sumParts: i32 = 34
export const irtTexts: i32 = 35
export const irtTextsGrad: i32 = 36

/** Above the code stands 1 + the operation's owner, or 0 for all threads. */
export const OWNER_SHIFT: i32 = 8

/**
 * The threads' meeting place, one 64-byte line a word, so that a thread that spins on one does not slow the others:
 * generation of the current program, its address, arrivals at the barrier, its phase, sleepers at either, and whether a thread
 * has failed.
 */
const GENERATION: usize = 0
const PROGRAM: usize = 64
const ARRIVED: usize = 128
const PHASE: usize = 192
const BARRIER_SLEEPERS: usize = 256
const START_SLEEPERS: usize = 320
/** Set before the phase is moved on; see machine.ts. */
const FAILED: usize = 384

/** Looks before a thread goes to sleep: some 100 µs, longer than what the loop does between two steps; to be woken takes as long. */
const SPINS: i32 = 200000

/** Runs a program to its end on this thread and all that serve. */
export function run(program: usize, control: usize, threads: i32): void {
  if (threads > 1) {
    store<u32>(control + PROGRAM, <u32>program)
    atomic.add<i32>(control + GENERATION, 1)
    if (atomic.load<i32>(control + START_SLEEPERS) > 0) atomic.notify(control + GENERATION, threads)
  }
  execute(program, control, 0, threads)
}

/** The life of a further thread: runs each program handed out, and ends at a program at address 0. */
export function serve(control: usize, thread: i32, threads: i32): void {
  let seen = 0
  for (;;) {
    seen = waitFor(control + GENERATION, control + START_SLEEPERS, seen)
    const program = <usize>load<u32>(control + PROGRAM)
    if (program == 0) return
    execute(program, control, thread, threads)
  }
}

/** Waits until the word differs from `old`, and returns it. */
function waitFor(at: usize, sleepers: usize, old: i32): i32 {
  for (let i = 0; i < SPINS; i++) {
    const now = atomic.load<i32>(at)
    if (now != old) return now
  }
  atomic.add<i32>(sleepers, 1)
  while (atomic.load<i32>(at) == old) atomic.wait<i32>(at, old, -1)
  atomic.sub<i32>(sleepers, 1)
  return atomic.load<i32>(at)
}

function barrier(control: usize, threads: i32): void {
  if (threads == 1) return
  const phase = atomic.load<i32>(control + PHASE)
  if (atomic.load<i32>(control + FAILED) != 0) unreachable()
  if (atomic.add<i32>(control + ARRIVED, 1) == threads - 1) {
    atomic.store<i32>(control + ARRIVED, 0)
    atomic.add<i32>(control + PHASE, 1)
    if (atomic.load<i32>(control + BARRIER_SLEEPERS) > 0) atomic.notify(control + PHASE, threads)
  } else {
    waitFor(control + PHASE, control + BARRIER_SLEEPERS, phase)
    if (atomic.load<i32>(control + FAILED) != 0) unreachable()
  }
}

function execute(program: usize, control: usize, thread: i32, threads: i32): void {
  let at = program
  for (;;) {
    const word = load<i32>(at)
    const args = at + 8
    at = args + ((<usize>load<i32>(at, 4)) << 2)
    // A small operation is its owner's alone: dividing it would cost more than it takes.
    let who = thread
    let all = threads
    const owner = word >> OWNER_SHIFT
    if (owner != 0) {
      if ((owner - 1) % threads != thread) continue
      who = 0
      all = 1
    }
    switch (word & ((1 << OWNER_SHIFT) - 1)) {
      case END:
        barrier(control, threads)
        return
      case BARRIER:
        barrier(control, threads)
        break
      case batch:
        pairs.batch(args, who, all)
        break
      case project:
        matrix.project(args, who, all, thread)
        break
      case projectGrad:
        matrix.projectGrad(args, who, all, thread)
        break
      case linear:
        matrix.linear(args, who, all)
        break
      case linearInputGrad:
        matrix.linearInputGrad(args, who, all)
        break
      case linearWeightGrad:
        matrix.linearWeightGrad(args, who, all)
        break
      case gather:
        rows.gather(args, who, all)
        break
      case scatter:
        rows.scatter(args, who, all, thread)
        break
      case rowSums:
        rows.rowSums(args, who, all)
        break
      case withGenericUser:
        rows.withGenericUser(args, who, all)
        break
      case renormalise:
        rows.renormalise(args, who, all)
        break
      case softmax:
        columns.softmax(args, who, all)
        break
      case softmaxGrad:
        columns.softmaxGrad(args, who, all)
        break
      case layerNorm:
        columns.layerNorm(args, who, all)
        break
      case layerNormGrad:
        columns.layerNormGrad(args, who, all)
        break
      case l2Norm:
        columns.l2Norm(args, who, all)
        break
      case l2NormGrad:
        columns.l2NormGrad(args, who, all)
        break
      case gelu:
        columns.gelu(args, who, all)
        break
      case geluGrad:
        columns.geluGrad(args, who, all)
        break
      case multiply:
        columns.multiply(args, who, all)
        break
      case combine:
        columns.combine(args, who, all)
        break
      case dot:
        columns.dot(args, who, all)
        break
      case dotGrad:
        columns.dotGrad(args, who, all)
        break
      case dropout:
        random.dropout(args, who, all)
        break
      case irtTexts:
        irt.irtTexts(args, who, all)
        break
      case irtTextsGrad:
        irt.irtTextsGrad(args, who, all)
        break
      case irtMargin:
        irt.irtMargin(args, who, all)
        break
      case irtMarginGrad:
        irt.irtMarginGrad(args, who, all)
        break
      case preference:
        pairs.preference(args, who, all)
        break
      case clampScale:
        pairs.clampScale(args, who, all)
        break
      case clampScaleGrad:
        pairs.clampScaleGrad(args, who, all)
        break
      case penalise:
        steps.penalise(args, who, all)
        break
      case update:
        steps.update(args, who, all)
        break
      case sumParts:
        matrix.sumParts(args, who, all)
        break
      case figures:
        steps.figures(args, who, all)
        break
      default:
        unreachable()
    }
  }
}
