import { getKernel, registerKernel, unregisterKernel, type KernelConfig } from '@tensorflow/tfjs-core'

type KernelFunction = KernelConfig['kernelFunc']

/** Replaces a kernel of a tfjs backend, once the backend is there; `by` may fall back to the backend's own. */
export function replaceKernel(backend: string, kernelName: string, by: (own: KernelFunction) => KernelFunction): void {
  const own = getKernel(kernelName, backend)
  unregisterKernel(kernelName, backend)
  registerKernel({ ...own, kernelFunc: by(own.kernelFunc) })
}

export const attribute = (attrs: object | undefined, name: string): unknown => attrs && Reflect.get(attrs, name)
