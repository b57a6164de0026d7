import { registerKernel, util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { attribute, replaceKernel } from './replaceKernel'
import { multiply, multiplyTransposed, sumMiddle, sumSegments } from './float64Sums'

/**
 * Products with no more columns (or rows) than this are summed in float64. On such thin ones the backend's own kernel is
 * no faster: 320×1536·1536×10 takes it 4.7 ms forward and 9.2 ms back, plain JavaScript 4 and 6.
 */
const THIN = 128

/** Replaces kernels of tfjs's wasm backend: one that it lacks, and those whose float32 sums cost the golden trajectories. */
export function replaceWasmKernels(): void {
  // The gradient of gather.
  registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc({ inputs, attrs, backend }) {
      const wasm = asWasm(backend)
      const x = input(inputs['x'])
      const segmentIds = input(inputs['segmentIds'])
      const numSegments = Number(attribute(attrs, 'numSegments'))
      const out = wasm.makeOutput([numSegments, ...x.shape.slice(segmentIds.shape.length)], 'float32')
      sumSegments(floats(wasm, x), integers(wasm, segmentIds), floats(wasm, out))
      return out
    },
  })

  replaceKernel('wasm', 'Sum', (own) => (call) => {
    const wasm = asWasm(call.backend)
    const x = input(call.inputs['x'])
    const axes = reducedAxes(attribute(call.attrs, 'axis'), x.shape)
    // Contiguous axes cut the array into [outer, reduced, inner]; models reduce nothing else.
    const contiguous = axes.every((axis, i) => i === 0 || axis === axes[i - 1]! + 1)
    if (x.dtype !== 'float32' || !contiguous) return own(call)
    const first = axes[0] ?? 0
    const outer = x.shape.slice(0, first)
    const inner = x.shape.slice(first + axes.length)
    const kept = attribute(call.attrs, 'keepDims') === true ? axes.map(() => 1) : []
    const out = wasm.makeOutput([...outer, ...kept, ...inner], 'float32')
    sumMiddle(floats(wasm, x), util.sizeFromShape(inner), floats(wasm, out))
    return out
  })

  replaceKernel('wasm', 'BatchMatMul', (own) => (call) => {
    const wasm = asWasm(call.backend)
    const a = input(call.inputs['a'])
    const b = input(call.inputs['b'])
    const transposeA = attribute(call.attrs, 'transposeA') === true
    const transposeB = attribute(call.attrs, 'transposeB') === true
    const [aRows = 0, aColumns = 0] = a.shape
    const [bRows = 0, bColumns = 0] = b.shape
    const M = transposeA ? aColumns : aRows
    const K = transposeA ? aRows : aColumns
    const N = transposeB ? bRows : bColumns
    const flat = a.shape.length === 2 && b.shape.length === 2 && a.dtype === 'float32' && b.dtype === 'float32'
    if (!flat || Math.min(M, N) > THIN || (transposeA && transposeB)) return own(call)
    const out = wasm.makeOutput([M, N], 'float32')
    const [x, y, z] = [floats(wasm, a), floats(wasm, b), floats(wasm, out)]
    if (transposeB) multiplyTransposed(x, y, M, N, K, z)
    else multiply(x, transposeA ? 1 : K, transposeA ? M : 1, y, M, N, K, z)
    return out
  })
}

function reducedAxes(axis: unknown, shape: number[]): number[] {
  if (axis === undefined || axis === null) return shape.map((_, i) => i)
  return util.parseAxisParam([axis].flat().map(Number), shape).sort((a, b) => a - b)
}

function input(info: TensorInfo | undefined): TensorInfo {
  if (!info) throw new Error('a kernel was called without its input')
  return info
}

/** A view of the tensor's values in the backend's memory; void after the next allocation. */
function floats(backend: BackendWasm, info: TensorInfo): Float32Array {
  const view = backend.typedArrayFromHeap(info)
  if (!(view instanceof Float32Array)) throw new Error(`a ${info.dtype} tensor came where float32 was due`)
  return view
}

function integers(backend: BackendWasm, info: TensorInfo): Int32Array {
  const view = backend.typedArrayFromHeap(info)
  if (!(view instanceof Int32Array)) throw new Error(`a ${info.dtype} tensor came where int32 was due`)
  return view
}

function asWasm(backend: unknown): BackendWasm {
  if (typeof backend !== 'object' || backend === null || !('typedArrayFromHeap' in backend))
    throw new Error('this kernel belongs to the wasm backend')
  // tfjs hands kernels their backend untyped; the check above is what distinguishes it.
  return backend as BackendWasm
}
