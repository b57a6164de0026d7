import { RandomStream, fillNormal, fillUniform } from '../loop/random'
import type { ParameterSpec } from '../models/model'

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** A parameter's initial values. Each has its own stream, named after it, so that backends and versions agree. */
export function initialValues({ name, shape, init }: ParameterSpec, seed: number): Float32Array {
  const values = new Float32Array(sizeOf(shape))
  const stream = new RandomStream(seed, `init/${name}`)
  switch (init.kind) {
    case 'uniform':
      fillUniform(values, init.bound, stream)
      break
    case 'normal':
      fillNormal(values, init.sd, stream)
      break
    case 'constant':
      values.fill(init.value)
  }
  return values
}
