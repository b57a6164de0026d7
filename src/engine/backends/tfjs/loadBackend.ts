import path from 'node:path'
import { createRequire } from 'node:module'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-core/dist/register_all_gradients'
import '@tensorflow/tfjs-backend-cpu'
import { getThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import type { BackendChoice } from '../../../shared/config/experiment'
import { AppError } from '../../../shared/errors'
import { replaceWasmKernels } from './wasmKernels'

export interface LoadedBackend {
  name: 'wasm' | 'cpu' | 'tensorflow'
  threads: number
  onCard?: boolean
  /** What it computes with, for people. */
  device: string
  /** Why this one, for the run's log. */
  why: string
}

/** Makes the wanted tfjs backend current. `auto` takes the fastest that works here without an install. */
export async function loadBackend(choice: BackendChoice, cardMemory?: number): Promise<LoadedBackend> {
  // Silences tfjs's advertisement of its Node backend on stderr.
  tf.enableProdMode()
  if (choice === 'tensorflow') return (await import('../tensorflow/loadTensorflow')).loadTensorflow(cardMemory)
  if (choice === 'cpu') return useCpu('asked for')
  try {
    await useWasm()
    const why = choice === 'wasm' ? 'asked for' : 'the fastest that works here without an install'
    const device = 'TensorFlow.js on WebAssembly with SIMD'
    return { name: 'wasm', threads: getThreadsCount(), device, why: `${device}, ${why}` }
  } catch (cause) {
    if (choice === 'wasm')
      throw new AppError(
        'backend_unavailable',
        'The WebAssembly backend does not start here',
        { fix: 'Try --backend cpu.' },
        cause,
      )
    return useCpu('WebAssembly does not start here')
  }
}

async function useCpu(why: string): Promise<LoadedBackend> {
  await tf.setBackend('cpu')
  const device = 'TensorFlow.js in plain JavaScript'
  return { name: 'cpu', threads: 1, device, why: `${device}, ${why}` }
}

let wasmReady: Promise<void> | undefined

function useWasm(): Promise<void> {
  wasmReady ??= startWasm()
  return wasmReady.then(async () => {
    if (!(await tf.setBackend('wasm'))) throw new Error('tfjs refused its wasm backend')
  })
}

async function startWasm(): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json')
  setWasmPaths(path.join(path.dirname(manifest), 'dist', path.sep))
  // Emscripten's start-up code installs handlers that rethrow; the engine's own must stay the only ones.
  const before = { error: process.listeners('uncaughtException'), rejection: process.listeners('unhandledRejection') }
  await tf.setBackend('wasm')
  for (const listener of process.listeners('uncaughtException'))
    if (!before.error.includes(listener)) process.removeListener('uncaughtException', listener)
  for (const listener of process.listeners('unhandledRejection'))
    if (!before.rejection.includes(listener)) process.removeListener('unhandledRejection', listener)
  replaceWasmKernels()
}
