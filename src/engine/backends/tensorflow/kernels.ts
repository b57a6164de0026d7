import {
  Cast,
  GatherV2,
  Identity,
  Reshape,
  getKernel,
  keep,
  scalar,
  tidy,
  util,
  type TensorInfo,
} from '@tensorflow/tfjs-core'
import { attribute, replaceKernel } from '../tfjs/replaceKernel'
import { isNodeBackend } from './nodeBackend'

/** Replaces kernels of the package that wait for the device, or run an operation that changes nothing. */
export function replaceTensorflowKernels(): void {
  leaveOutEmptyOperations()
  gatherWithoutReading()
}

/**
 * One operation is run for each kernel, and on small tensors its cost is the call, not the arithmetic. tfjs casts float32 to float32
 * and reshapes to the same shape in most gradients: those become other names of the same tensor.
 */
function leaveOutEmptyOperations(): void {
  const { kernelFunc: identity } = getKernel(Identity, 'tensorflow')
  const unless = (kernel: string, same: (x: TensorInfo, attrs: object | undefined) => boolean): void =>
    replaceKernel('tensorflow', kernel, (own) => (call) => {
      const x = call.inputs['x']
      return x && same(x, call.attrs) ? identity(call) : own(call)
    })
  unless(Cast, (x, attrs) => attribute(attrs, 'dtype') === x.dtype)
  unless(Reshape, (x, attrs) => {
    const shape = attribute(attrs, 'shape')
    return Array.isArray(shape) && util.arraysEqual(shape, x.shape)
  })
}

/** The package's own reads the indices back to check their range. Ours come from checked data. */
function gatherWithoutReading(): void {
  const axis = tidy(() => keep(scalar(0, 'int32')))
  replaceKernel('tensorflow', GatherV2, (own) => (call) => {
    const { x, indices } = call.inputs
    const { backend } = call
    const plain = attribute(call.attrs, 'axis') === 0 && !attribute(call.attrs, 'batchDims')
    if (!plain || !isNodeBackend(backend) || x?.dtype !== 'float32' || indices?.dtype !== 'int32') return own(call)
    const { TF_ATTR_TYPE: type, TF_ATTR_INT, TF_FLOAT, TF_INT32 } = backend.binding
    const attributes = [
      { name: 'Tparams', type, value: TF_FLOAT },
      { name: 'Tindices', type, value: TF_INT32 },
      { name: 'Taxis', type, value: TF_INT32 },
      { name: 'batch_dims', type: TF_ATTR_INT, value: 0 },
    ]
    return backend.executeSingleOutput(GatherV2, attributes, [x, indices, axis])
  })
}
