import { expect, it } from 'vitest'
import { ScalarCache } from './scalarCache'

const TF_FLOAT = 1
const TF_INT32 = 3

function recorded(): { cache: ScalarCache; live: Map<number, number[]>; made: () => number } {
  const live = new Map<number, number[]>()
  let next = 0
  const cache = new ScalarCache({
    TF_FLOAT,
    createTensor(_shape, _dtype, values) {
      if (!(values instanceof Float32Array || values instanceof Int32Array)) throw new Error('floats or integers')
      live.set(next, Array.from(values))
      return next++
    },
    deleteTensor(id) {
      if (!live.delete(id)) throw new Error(`${id} was deleted twice`)
    },
  })
  return { cache, live, made: () => next }
}

it('makes a constant once, however often it is used and let go', () => {
  const { cache, live, made } = recorded()
  const ids = Array.from({ length: 5 }, () => {
    const id = cache.createTensor([], TF_FLOAT, Float32Array.of(0.5))
    cache.deleteTensor(id)
    return id
  })
  expect(new Set(ids).size).toBe(1)
  expect(made()).toBe(1)
  expect(live.get(ids[0]!)).toEqual([0.5])
})

it('keeps apart what only looks alike: other types, shapes, −0', () => {
  const { cache } = recorded()
  const ids = [
    cache.createTensor([], TF_FLOAT, Float32Array.of(0)),
    cache.createTensor([], TF_FLOAT, Float32Array.of(-0)),
    cache.createTensor([1], TF_FLOAT, Float32Array.of(0)),
    cache.createTensor([], TF_INT32, Int32Array.of(0)),
  ]
  expect(new Set(ids).size).toBe(4)
})

it('does not keep the values of every step, and never lets go of one in use', () => {
  const { cache, live } = recorded()
  const held = cache.createTensor([], TF_FLOAT, Float32Array.of(-1))
  for (let step = 0; step < 10_000; step++) cache.deleteTensor(cache.createTensor([], TF_FLOAT, Float32Array.of(step)))
  expect(live.size).toBeLessThan(100)
  expect(live.get(held)).toEqual([-1])
})
