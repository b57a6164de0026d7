import Module, { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import util from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { SETUP_TENSORFLOW } from '../../../shared/domain/backend'
import { AppError } from '../../../shared/errors'
import type { LoadedBackend } from '../tfjs/loadBackend'
import { graphicsCard, leftAlone } from './device'
import { replaceTensorflowKernels } from './kernels'
import { isNodeBackend, type NodeBackend } from './nodeBackend'
import { watched } from './watched'
import { findAddOn, PACKAGE, type AddOn } from './findAddOn'

let ready: Promise<LoadedBackend> | undefined

/**
 * Makes TensorFlow, by the add-on of `@tensorflow/tfjs-node-gpu`, the current backend of the engine's TensorFlow.js.
 *
 * @param cardMemory GiB of a graphics card that this engine may take: the first call's counts, since TensorFlow is told once
 * @throws AppError `backend_unavailable`
 */
export async function loadTensorflow(cardMemory?: number): Promise<LoadedBackend> {
  ready ??= start(cardMemory).catch((error: unknown) => {
    // It may be set up while this engine lives.
    ready = undefined
    throw error
  })
  const loaded = await ready
  await tf.setBackend('tensorflow')
  return loaded
}

async function start(cardMemory: number | undefined): Promise<LoadedBackend> {
  const addOn = findAddOn()
  if (!addOn)
    throw new AppError('backend_unavailable', 'TensorFlow is not set up here', {
      fix: `Run: ${SETUP_TENSORFLOW}, or take --backend auto.`,
    })
  try {
    const { backend, onCard } = open(addOn, cardMemory)
    tf.registerBackend('tensorflow', () => backend)
    if (!(await tf.setBackend('tensorflow'))) throw new Error('TensorFlow.js refused the backend')
    replaceTensorflowKernels()
    const device = `TensorFlow ${versionOf(backend)} on ${deviceText(onCard)}`
    return { name: 'tensorflow', threads: onCard ? 1 : availableParallelism(), onCard, device, why: device }
  } catch (cause) {
    throw new AppError(
      'backend_unavailable',
      'TensorFlow is set up but does not start here',
      { file: addOn.binding, fix: `Run: ${SETUP_TENSORFLOW} (it mends what is there), or take --backend auto.` },
      cause,
    )
  }
}

const versionOf = ({ binding }: NodeBackend): string => binding.TF_Version

function deviceText(onCard: boolean): string {
  if (!onCard) return 'the processor'
  const card = graphicsCard()
  return card
    ? `${card.name} (${(card.memory / 1024).toFixed(0)} GiB, ${(card.free / 1024).toFixed(0)} free)`
    : 'a graphics card'
}

function open(
  { library, binding: file }: AddOn,
  cardMemory: number | undefined,
): { backend: NodeBackend; onCard: boolean } {
  // Errors only: the library greets every process on stderr.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  // By default the first process takes all of a card's memory; two engines share one.
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true'
  const card = cardMemory === undefined ? undefined : graphicsCard()
  if (cardMemory !== undefined && card) process.env['TF_DEVICE_MIN_SYS_MEMORY_IN_MB'] = leftAlone(card, cardMemory)
  restoreRemoved()
  const require = createRequire(path.join(library, 'package.json'))
  const binding: unknown = require(file)
  const hooks = givesOwnTensorflowJs(library)
  try {
    const { NodeJSKernelBackend } = asModule(require('./dist/nodejs_kernel_backend.js'))
    require('./dist/register_all_kernels.js')
    const backend = new NodeJSKernelBackend(binding, PACKAGE)
    if (!isNodeBackend(backend)) throw notThatVersion()
    backend.binding = watched(backend.binding, { onCard: backend.isUsingGpuDevice })
    return { backend, onCard: backend.isUsingGpuDevice }
  } finally {
    hooks.deregister()
  }
}

/** The package calls what Node 23 removed. */
function restoreRemoved(): void {
  if (!('isNullOrUndefined' in util))
    Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined })
}

const OWN = 'delta:tensorflow.js'

/** The package is compiled to functions, which call the class that they extend; a class cannot be called. */
function CallableKernelBackend(this: object): object {
  return Reflect.construct(tf.KernelBackend, [], this.constructor)
}
CallableKernelBackend.prototype = tf.KernelBackend.prototype

/**
 * The package's kernels register with the TensorFlow.js that they require. Given a copy of its own they would serve a second
 * engine, whose tensors are strangers to ours.
 */
function givesOwnTensorflowJs(library: string): { deregister(): void } {
  const key = Symbol.for(OWN)
  Object.assign(globalThis, { [key]: { ...tf, KernelBackend: CallableKernelBackend } })
  const inside = pathToFileURL(path.join(library, path.sep)).href
  // Node 22.15 has it, and Electron since 36.
  if (!('registerHooks' in Module)) throw new Error(`Node ${process.version} is too old for it: 22.15 is needed`)
  return Module.registerHooks({
    resolve: (specifier, context, next) =>
      /^@tensorflow\/tfjs(-core)?$/.test(specifier) && context.parentURL?.startsWith(inside) === true
        ? { url: OWN, format: 'commonjs', shortCircuit: true }
        : next(specifier, context),
    load: (url, context, next) =>
      url === OWN
        ? { format: 'commonjs', source: `module.exports = globalThis[Symbol.for('${OWN}')]`, shortCircuit: true }
        : next(url, context),
  })
}

interface NodeBackendModule {
  NodeJSKernelBackend: new (binding: unknown, packageName: string) => unknown
}

function asModule(loaded: unknown): NodeBackendModule {
  if (typeof loaded !== 'object' || loaded === null || !('NodeJSKernelBackend' in loaded)) throw notThatVersion()
  // An untyped package: its one class is what the check above looked for.
  return loaded as NodeBackendModule
}

const notThatVersion = (): Error => new Error(`${PACKAGE} is not the version that this was written for`)
