import { afterEach, beforeEach, expect, test } from 'vitest'
import { MOST_SAVED } from '../../shared/domain/savedComparisons'
import { openStore, type Store } from './openStore'
import { temporaryFolder } from './testing/storeFixture'

let dir: string
let remove: () => void
let store: Store
beforeEach(() => {
  ;({ dir, remove } = temporaryFolder())
  store = openStore({ dir })
})
afterEach(() => {
  store.close()
  remove()
})

const address = { runs: 'a,b,c', reference: 'b', tab: 'curves' }
const names = (): string[] => store.comparisons.list().map(({ name }) => name)

test('a restart loses a comparison that was saved', () => {
  store.comparisons.save('wide 10', address, false)
  store.comparisons.save('wide 9', { runs: 'a' }, false)
  store.close()
  store = openStore({ dir })
  expect(store.comparisons.list()).toMatchObject([
    { name: 'wide 9', runs: 1 },
    { name: 'wide 10', runs: 3 },
  ])
  expect(store.comparisons.open('wide 10')).toEqual(address)
})

test('saving or renaming overwrites a comparison that nobody meant', () => {
  store.comparisons.save('one', address, false)
  store.comparisons.save('two', { runs: 'x' }, false)
  expect(() => store.comparisons.save('one', { runs: 'y' }, false)).toThrow(/called "one" already/)
  expect(() => store.comparisons.rename('two', 'one')).toThrow(/called "one" already/)
  expect(store.comparisons.open('one')).toEqual(address)
  store.comparisons.save('one', { runs: 'y' }, true)
  expect(store.comparisons.open('one')).toEqual({ runs: 'y' })
  store.comparisons.rename('two', 'two')
  store.comparisons.rename('two', 'three')
  expect(names()).toEqual(['one', 'three'])
})

test('what is not there is renamed, opened or deleted without a word', () => {
  for (const work of [
    () => store.comparisons.open("'; DROP TABLE comparisons; --"),
    () => store.comparisons.rename('gone', 'back'),
    () => store.comparisons.forget('gone'),
  ])
    expect(work).toThrow(/no saved comparison/)
  store.comparisons.save('one', address, false)
  store.comparisons.forget('one')
  expect(names()).toEqual([])
})

test('a page that saves on and on fills the disk', () => {
  store.db.write('fill', () => {
    for (let i = 0; i < MOST_SAVED; i++) store.comparisons.save(`${i}`, { runs: 'a' }, false)
  })
  expect(() => store.comparisons.save('one more', { runs: 'a' }, false)).toThrow(/saved already/)
  store.comparisons.save('7', { runs: 'b' }, true)
})
