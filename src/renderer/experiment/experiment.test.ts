import { expect, test } from 'vitest'
import { duration, bytes, numberTyped, shown, stepped } from './format'
import { suggestionsAt } from './completion'
import { minimalEdit } from './minimalEdit'

test('values are shown as nobody writes them', () => {
  expect([1e-6, 0.002, 1e9, 512, 0, -1, 1.5e-5].map(shown)).toEqual([
    '1e-6',
    '0.002',
    '1e9',
    '512',
    '0',
    '-1',
    '1.5e-5',
  ])
  expect(shown([0.9, 0.999])).toBe('0.9, 0.999')
  expect(shown(undefined)).toBe('')
})

test('a number that is typed is text, or text a number', () => {
  expect(['1e-6', ' 5 ', '0,5', '−1', '.5', '1e9'].map(numberTyped)).toEqual([1e-6, 5, 0.5, -1, 0.5, 1e9])
  expect(['', 'abc', '1 2', 'Infinity', '0x10', '1e', '1,2,3'].map(numberTyped)).toEqual([
    '',
    'abc',
    '1 2',
    'Infinity',
    '0x10',
    '1e',
    '1,2,3',
  ])
})

test('arrow keys go past the next round number, or nowhere', () => {
  const log = { log: true, int: false }
  expect([2e-3, 3e-3, 1e-6, 5, 9.99].map((x) => stepped(x, true, log))).toEqual([5e-3, 5e-3, 2e-6, 10, 10])
  expect([2e-3, 3e-3, 1e-6].map((x) => stepped(x, false, log))).toEqual([1e-3, 2e-3, 5e-7])
  expect(stepped(0, true, log)).toBe(1e-6)
  expect(stepped(512, true, { log: true, int: true })).toBe(1000)
  expect(stepped(1, true, { log: true, int: true })).toBe(2)
  expect(stepped(1, false, { log: true, int: true })).toBe(1)
  expect(stepped(3, false, { log: false, int: true })).toBe(2)
  expect(stepped(0.1, true, { log: false, int: false })).toBe(0.15)
})

test('times and sizes promise more than is known', () => {
  expect([0.0123, 1.234, 75, 100, 4000, 7200, 200_000].map(duration)).toEqual([
    '12 ms',
    '1.2 s',
    '75 s',
    '1.7 min',
    '67 min',
    '2 h',
    '2.3 days',
  ])
  expect([900, 1500, 63_400_000, 1.26e9].map(bytes)).toEqual(['900 B', '1.5 kB', '63 MB', '1.3 GB'])
})

const TEXT = 'dts_name: simpler\ntrainer:\n  optimizer: Ad\n  \ncaimira:\n  cent\nmodel_name: \nx:\n  y\n'
const at = (needle: string) => suggestionsAt(TEXT, TEXT.indexOf(needle) + needle.length)
const labels = (needle: string) => at(needle)?.options.map(({ label }) => label)

test('keys of another section are offered, or values of another key', () => {
  expect(labels('optimizer: Ad')).toEqual(['Adam', 'AdamW', 'SGD', 'RMSprop'])
  expect(at('optimizer: Ad')?.from).toBe(TEXT.indexOf('Ad\n'))
  expect(labels('Ad\n  ')).toEqual(expect.arrayContaining(['max_epochs', 'seed']))
  expect(labels('Ad\n  ')).not.toContain('num_workers')
  expect(labels('  cent')).toEqual(expect.arrayContaining(['n_dim', 'centering']))
  expect(labels('model_name: ')).toEqual(['caimira', 'model1', 'model2', 'ntm', 'lore', 'bt'])
  expect(labels('  y')).toBeUndefined()
  expect(suggestionsAt('', 0)?.options.map(({ label }) => label)).toEqual(
    expect.arrayContaining(['dts_name', 'exp_name', 'trainer', 'lore']),
  )
  expect(suggestionsAt('trainer:\n  seed: 1', 18)).toBeNull()
})

test('an edit replaces more than has changed, or gives another text', () => {
  for (const [before, after] of [
    ['a: 1\nb: 2\n', 'a: 1\nb: 3\n'],
    ['', 'x'],
    ['x', ''],
    ['aaa', 'aaaa'],
    ['abab', 'ab'],
    ['same', 'same'],
  ] as const) {
    const edit = minimalEdit(before, after)
    const text = edit ? before.slice(0, edit.from) + edit.insert + before.slice(edit.to) : before
    expect(text).toBe(after)
  }
  expect(minimalEdit('a: 1\nb: 2\n', 'a: 1\nb: 3\n')).toEqual({ from: 8, to: 9, insert: '3' })
  expect(minimalEdit('a', 'a')).toBeNull()
})
