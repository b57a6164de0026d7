/**
 * How an operation is divided among threads. Shares are contiguous and whole blocks, and no sum is ever cut at a
 * share's edge, so that results do not depend on the number of threads.
 */

/** The share's first index. */
@inline
export function shareStart(n: i32, block: i32, thread: i32, threads: i32): i32 {
  const blocks = (n + block - 1) / block
  return (blocks * thread) / threads * block
}

/** One past the share's last index, at most n. */
@inline
export function shareEnd(n: i32, block: i32, thread: i32, threads: i32): i32 {
  return min(n, shareStart(n, block, thread + 1, threads))
}

/** Pairs: blocks are wide enough that two threads do not write one cache line, and are whole vectors. */
export const PAIR_BLOCK: i32 = 16
/** Texts: whole blocks of the projection (6 rows) and whole vectors. */
export const TEXT_BLOCK: i32 = 12
/** Numbers of the flat parameter vector; also the block of its partial sums. */
export const FLAT_BLOCK: i32 = 256
/** Numbers across the width of the text vectors: one cache line. */
export const WIDTH_BLOCK: i32 = 16

/** Bytes of working memory a thread, where operations pack vectors and keep sums side by side; see SCRATCH_BYTES in tape.ts. */
export const SCRATCH: usize = 128 << 10

/** The i-th 32-bit word of an operation's arguments. */
@inline
export function word(args: usize, i: i32): i32 {
  return load<i32>(args + (<usize>i << 2))
}

@inline
export function address(args: usize, i: i32): usize {
  return <usize>load<u32>(args + (<usize>i << 2))
}

@inline
export function real(args: usize, i: i32): f32 {
  return load<f32>(args + (<usize>i << 2))
}

/** A count that changes from step to step: the argument is the address of its cell. */
@inline
export function count(args: usize, i: i32): i32 {
  return load<i32>(address(args, i))
}
