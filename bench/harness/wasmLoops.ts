/**
 * Two loops as WebAssembly can run them at best, assembled by hand: what the kernels are measured against must not be made of
 * the kernels, nor of what compiles them.
 */

import { z } from 'zod'

const I32 = 0x7f
const F32 = 0x7d
const V128 = 0x7b

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const low = value & 0x7f
  const rest = value >>> 7
  return rest === 0 ? [low] : [low | 0x80, ...leb(rest)]
}
const vector = (items: readonly (readonly number[])[]): number[] => [...leb(items.length), ...items.flat()]
const section = (id: number, bytes: readonly number[]): number[] => [id, ...leb(bytes.length), ...bytes]
const text = (value: string): number[] => vector([...Buffer.from(value)].map((byte) => [byte]))

const get = (local: number): number[] => [0x20, ...leb(local)]
const set = (local: number): number[] => [0x21, ...leb(local)]
const tee = (local: number): number[] => [0x22, ...leb(local)]
/** Signed LEB128 of a number below 64 in size. */
const small = (value: number): number[] => [0x41, value & 0x7f]
const simd = (operation: number): number[] => [0xfd, ...leb(operation)]
const SPLAT = simd(0x13)
const MULTIPLY = simd(0xe6)
const ADD = simd(0xe4)
/** Relaxed SIMD: one rounding or two, as the processor does it. */
const RELAXED_MADD = simd(0x105)
const F32_CONST = [0x43]
const F32_MULTIPLY = 0x94
const I32_ADD = 0x6a
const I32_SUB = 0x6b
const LOOP = [0x03, 0x40]
const BRANCH_IF_TO_LOOP = [0x0d, 0x00]
const END = 0x0b
const FIRST_LANE = [...simd(0x1f), 0]

/** Independent sums: enough to hide 4 cycles of latency at 2 to 3 a cycle, few enough for 16 registers with the factor. */
export const ACCUMULATORS = 12
const LANES = 4
/** Multiply-adds in one turn of the loop. */
export const MULTIPLY_ADDS_PER_TURN = ACCUMULATORS * LANES
/** Vectors read in one turn of the loop. */
const READS = 8
const VECTOR_BYTES = 16
export const BYTES_PER_TURN = READS * VECTOR_BYTES

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/**
 * multiplyAdd(turns: i32, x: f32): f32 — each sum s becomes s·x + x; locals 2… are the sums, the last one is x in every lane.
 * Sums start apart, or they would be one for the compiler; each depends on its last value, so that nothing leaves the loop.
 */
function multiplyAdd(relaxed: boolean): number[] {
  const sums = range(ACCUMULATORS).map((i) => 2 + i)
  const x = 2 + ACCUMULATORS
  const step = relaxed ? [...get(x), ...get(x), ...RELAXED_MADD] : [...get(x), ...MULTIPLY, ...get(x), ...ADD]
  return [
    ...sums.flatMap((sum, i) => [...get(1), ...F32_CONST, ...float(i + 1), F32_MULTIPLY, ...SPLAT, ...set(sum)]),
    ...[...get(1), ...SPLAT, ...set(x)],
    ...LOOP,
    ...sums.flatMap((sum) => [...get(sum), ...step, ...set(sum)]),
    ...[...get(0), ...small(1), I32_SUB, ...tee(0)],
    ...BRANCH_IF_TO_LOOP,
    END,
    ...total(sums),
    END,
  ]
}

const float = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)]

/** read(turns: i32, from: i32): f32 — sums `turns` × 128 bytes of memory. */
function read(): number[] {
  const sums = range(READS).map((i) => 2 + i)
  return [
    ...LOOP,
    ...sums.flatMap((sum, i) => [
      ...get(sum),
      ...get(1),
      ...[...simd(0x00), 4, ...leb(i * VECTOR_BYTES)],
      ...ADD,
      ...set(sum),
    ]),
    ...[...get(1), 0x41, ...signed(BYTES_PER_TURN), I32_ADD, ...set(1)],
    ...[...get(0), ...small(1), I32_SUB, ...tee(0)],
    ...BRANCH_IF_TO_LOOP,
    END,
    ...total(sums),
    END,
  ]
}

/** Signed LEB128 of a number of 64 to 8191. */
const signed = (value: number): number[] => [(value & 0x7f) | 0x80, value >>> 7]

const total = (sums: readonly number[]): number[] => [
  ...get(sums[0]!),
  ...sums.slice(1).flatMap((sum) => [...get(sum), ...ADD]),
  ...FIRST_LANE,
]

const body = (locals: number, code: readonly number[]): number[] => {
  const bytes = [...vector([[...leb(locals), V128]]), ...code]
  return [...leb(bytes.length), ...bytes]
}

/** A module that exports `multiplyAdd`, `read` and a memory of `pages` × 64 KiB. */
export function loopModule(relaxed: boolean, pages: number): Uint8Array<ArrayBuffer> {
  const functionType = (parameters: number[]): number[] => [0x60, ...vector(parameters.map((t) => [t])), 1, F32]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([functionType([I32, F32]), functionType([I32, I32])])),
    ...section(3, vector([[0], [1]])),
    ...section(5, vector([[0x00, ...leb(pages)]])),
    ...section(
      7,
      vector([
        [...text('multiplyAdd'), 0x00, 0],
        [...text('read'), 0x00, 1],
        [...text('memory'), 0x02, 0],
      ]),
    ),
    ...section(10, vector([body(ACCUMULATORS + 1, multiplyAdd(relaxed)), body(READS, read())])),
  ])
}

const isFunction = (value: unknown): boolean => typeof value === 'function'
/** What {@link loopModule} exports. */
const loopsSchema = z.object({
  multiplyAdd: z.custom<(turns: number, x: number) => number>(isFunction),
  read: z.custom<(turns: number, from: number) => number>(isFunction),
  memory: z.instanceof(WebAssembly.Memory),
})
export type Loops = z.infer<typeof loopsSchema>

const PAGE_BYTES = 65_536

/** The loops, with a memory of at least so many bytes. */
export function instantiate(relaxed: boolean, bytes: number): Loops {
  const module = loopModule(relaxed, Math.max(1, Math.ceil(bytes / PAGE_BYTES)))
  return loopsSchema.parse(new WebAssembly.Instance(new WebAssembly.Module(module), {}).exports)
}

/** Whether this engine has relaxed SIMD. */
export const hasRelaxed = (): boolean => WebAssembly.validate(loopModule(true, 1))
