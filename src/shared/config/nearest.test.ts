import { expect, test } from 'vitest'
import { didYouMean, nearest } from './nearest'

const KNOWN = ['batch_size', 'learning_rate', 'scheduler', 'seed', 'data_seed', 'min_lr', 'max_lr', 'patience']

test.for([
  ['batchsize', 'batch_size'],
  ['batch-size', 'batch_size'],
  ['BATCH_SIZE', 'batch_size'],
  ['shceduler', 'scheduler'],
  ['learnig_rate', 'learning_rate'],
  ['sead', 'seed'],
  ['min_l', 'min_lr'],
  ['patienc', 'patience'],
])('%s is not understood as %s', ([name, expected]) => expect(nearest(name!, KNOWN)).toBe(expected))

test.for(['xyz', '', 'optimizer_momentum', '__proto__', 'constructor', 'a'.repeat(5_000_000)])(
  'nonsense is suggested for %.20s, or takes long',
  (name) => expect(nearest(name, KNOWN)).toBeUndefined(),
)

test('nothing known crashes the search, or leaves an empty hint', () => {
  expect(didYouMean('x', [])).toBe('')
  expect(didYouMean('seeds', KNOWN)).toBe(' Did you mean "seed"?')
})
