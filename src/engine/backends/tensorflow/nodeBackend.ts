import type { KernelBackend, TensorInfo } from '@tensorflow/tfjs-core'

/** An attribute of a TensorFlow operation, as the add-on takes it. */
export interface Attribute {
  name: string
  type: number
  value: unknown
}

/** What is used of the add-on; a tensor is a number to it. */
export interface Binding {
  readonly TF_Version: string
  readonly TF_FLOAT: number
  readonly TF_INT32: number
  readonly TF_ATTR_TYPE: number
  readonly TF_ATTR_INT: number
  createTensor(shape: number[], dtype: number, values: ArrayBufferView): number
  deleteTensor(id: number): void
  executeOp(name: string, attributes: Attribute[], inputs: number[], outputs: number): unknown
  tensorDataSync(id: number): ArrayBufferView
}

/** What is used of `NodeJSKernelBackend`, the package's tfjs backend. */
export interface NodeBackend extends KernelBackend {
  binding: Binding
  readonly isUsingGpuDevice: boolean
  executeSingleOutput(name: string, attributes: Attribute[], inputs: TensorInfo[]): TensorInfo
}

export function isNodeBackend(backend: unknown): backend is NodeBackend {
  return typeof backend === 'object' && backend !== null && 'executeSingleOutput' in backend && 'binding' in backend
}
