/**
 * What TensorFlow's device can do at most: prints multiply-adds a second of products of square float32 matrices, as TensorFlow multiplies
 * them, and bytes a second of the greatest number of a tensor that no cache holds. Arguments: seconds for each.
 */
import * as tf from '@tensorflow/tfjs-core'
import { loadBackend } from '../../src/engine/backends/tfjs/loadBackend'

const seconds = Number(process.argv[2])
const { onCard } = await loadBackend('tensorflow')
/** Numbers on a side: a card needs larger matrices to be busy. */
const SIDE = onCard ? 8192 : 1024
const TENSOR_BYTES = 2 ** 28
/** A card is waited for once for so many operations. */
const AT_ONCE = onCard ? 8 : 1

/** Times a second, the best of many windows. */
function fastest(operation: () => tf.Tensor): number {
  // The first call sends its operands to the device.
  window(operation)
  let best = Infinity
  for (const end = performance.now() + 1000 * seconds; performance.now() < end;)
    best = Math.min(best, window(operation))
  return 1000 / best
}

/** Milliseconds of one operation. */
function window(operation: () => tf.Tensor): number {
  const started = performance.now()
  tf.tidy(() => {
    const all = Array.from({ length: AT_ONCE }, operation)
    // Reading one number of the last waits for all of them, as a device takes them in order.
    tf.slice(tf.reshape(all.at(-1)!, [-1]), 0, 1).dataSync()
  })
  return (performance.now() - started) / AT_ONCE
}

const ceiling = tf.tidy(() => {
  const matrix = tf.ones([SIDE, SIDE])
  const multiplyAdds = SIDE ** 3 * fastest(() => tf.matMul(matrix, matrix))
  const long = tf.ones([TENSOR_BYTES / 4])
  return { multiplyAdds, bytes: TENSOR_BYTES * fastest(() => tf.max(long)) }
})
process.stdout.write(`${JSON.stringify(ceiling)}\n`)
