/** Loads the add-on of the package in argv[2] and multiplies with it: `probe {"device":"cpu","product":11}`. */
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
const builds = join(process.argv[2], 'lib')
const file = readdirSync(builds)
  .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
  .map((name) => join(builds, name, 'tfjs_binding.node'))
  .find((path) => existsSync(path))
if (file === undefined) throw new Error(`there is no tfjs_binding.node in ${builds}`)
const tf = createRequire(import.meta.url)(file)
const a = tf.createTensor([1, 2], tf.TF_FLOAT, Float32Array.of(1, 2))
const b = tf.createTensor([2, 1], tf.TF_FLOAT, Float32Array.of(3, 4))
const attributes = [
  { name: 'T', type: tf.TF_ATTR_TYPE, value: tf.TF_FLOAT },
  { name: 'transpose_a', type: tf.TF_ATTR_BOOL, value: false },
  { name: 'transpose_b', type: tf.TF_ATTR_BOOL, value: false },
]
const [{ id }] = tf.executeOp('MatMul', attributes, [a, b], 1)
const [product] = tf.tensorDataSync(id)
process.stdout.write(`probe ${JSON.stringify({ device: tf.isUsingGpuDevice() ? 'gpu' : 'cpu', product })}\n`)
