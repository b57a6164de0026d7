import * as tf from '@tensorflow/tfjs-core'
import { isNodeBackend } from '../nodeBackend'

/** How many operations `act` has TensorFlow run, and how often it waits for a result. The tensorflow backend must be current. */
export function countCalls(act: () => void): { operations: number; reads: number } {
  const backend = tf.backend()
  if (!isNodeBackend(backend)) throw new Error('calls are counted on the tensorflow backend')
  const counts = { operations: 0, reads: 0 }
  const { binding } = backend
  backend.binding = Object.create(binding, {
    executeOp: {
      value(...call: Parameters<typeof binding.executeOp>) {
        counts.operations++
        return binding.executeOp(...call)
      },
    },
    tensorDataSync: {
      value(id: number) {
        counts.reads++
        return binding.tensorDataSync(id)
      },
    },
  })
  try {
    act()
  } finally {
    backend.binding = binding
  }
  return counts
}
