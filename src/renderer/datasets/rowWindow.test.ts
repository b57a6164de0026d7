import { expect, it } from 'vitest'
import type { RowPage } from '../../shared/domain/browse'
import { PAGE_ROWS, RowWindow } from './rowWindow'

function pageOf(offset: number, limit: number, total = 1_000_000): RowPage {
  const rows = Array.from({ length: Math.max(0, Math.min(limit, total - offset)) }, (_, i) => ({
    row: offset + i,
    cells: [],
  }))
  return { columns: [], moreColumns: 0, total, of: total, reading: false, rows }
}

it('asks for every page that a drag passes by', async () => {
  const asked: number[] = []
  const waiting: (() => void)[] = []
  const window = new RowWindow<RowPage>(
    (offset, limit) =>
      new Promise((resolve) => {
        asked.push(offset / PAGE_ROWS)
        waiting.push(() => resolve(pageOf(offset, limit)))
      }),
    () => undefined,
  )
  for (let top = 0; top < 500_000; top += 5_000) window.look(top, top + 40)
  expect(asked).toEqual([0, 50])
  for (const answer of waiting.splice(0)) answer()
  await Promise.resolve()
  await new Promise((resolve) => setTimeout(resolve))
  expect(asked).toEqual([0, 50, 4950])
})

it('shows a page of the selection before', async () => {
  let answer: ((page: RowPage) => void) | undefined
  const pages: RowPage[] = []
  const window = new RowWindow<RowPage>(
    () => new Promise((resolve) => (answer = resolve)),
    (page) => pages.push(page),
  )
  window.look(0, 10)
  const late = answer
  window.reset()
  late?.(pageOf(0, PAGE_ROWS))
  await new Promise((resolve) => setTimeout(resolve))
  expect(pages).toEqual([])
  expect(window.at(0)).toBeUndefined()
})

it('keeps the end of a file as it was while it was still being read', async () => {
  let total = 150
  const window = new RowWindow<RowPage>(
    (offset, limit) => Promise.resolve(pageOf(offset, limit, total)),
    () => undefined,
  )
  window.look(100, 200)
  await new Promise((resolve) => setTimeout(resolve))
  expect(window.at(149)?.row).toBe(149)
  expect(window.at(150)).toBeUndefined()
  total = 1_000
  window.forgetTail()
  window.look(100, 200)
  await new Promise((resolve) => setTimeout(resolve))
  expect(window.at(199)?.row).toBe(199)
})
