import { expect, it } from 'vitest'
import { extensionOf, joined, shownEntries, size } from './listing'

const entry = (name: string, kind: 'file' | 'folder' = 'file') => ({ name, path: `/d/${name}`, kind, bytes: 1 })
const ENTRIES = [entry('sub', 'folder'), entry('a.YAML'), entry('b.parquet'), entry('README')]
const names = (...args: Parameters<typeof shownEntries>): string[] => shownEntries(...args).map(({ name }) => name)

it('hides a folder, or files that have the wanted extension in capitals', () => {
  expect(names(ENTRIES, ['yaml'], 'file', '')).toEqual(['sub', 'a.YAML'])
  expect(names(ENTRIES, [], 'files', '')).toEqual(['sub', 'a.YAML', 'b.parquet', 'README'])
  expect(names(ENTRIES, [], 'folder', '')).toEqual(['sub'])
  expect(names(ENTRIES, [], 'file', ' A ')).toEqual(['a.YAML', 'b.parquet', 'README'])
})

it('takes a hidden file for an extension', () => {
  expect(['.yaml', 'x', 'x.tar.GZ', 'x.'].map(extensionOf)).toEqual(['', '', 'gz', ''])
})

it('joins by the separator of another machine', () => {
  expect(joined('/', 'a')).toBe('/a')
  expect(joined('/x', 'a')).toBe('/x/a')
  expect(joined('C:\\x', 'a')).toBe('C:\\x\\a')
  expect(joined('C:\\', 'a')).toBe('C:\\a')
})

it('writes sizes that are hard to read', () => {
  expect([0, 999, 1000, 1250, 99_949, 999_600, 1e9, 5e15].map(size)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.3 kB',
    '100 kB',
    '1.0 MB',
    '1.0 GB',
    '5000 TB',
  ])
})
