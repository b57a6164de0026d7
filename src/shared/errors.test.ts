import { expect, test } from 'vitest'
import { AppError, ERROR_EXIT_CODES, formatError, formatPlace } from './errors'

test('an error loses its code, place or cause on the way through JSON', () => {
  const error = new AppError('data_invalid', 'm', { file: 'f', line: 3, findings: ['a'], fix: 'x' }, new Error('why'))
  const back = AppError.fromJSON(JSON.parse(JSON.stringify(error)))
  expect(back).toBeInstanceOf(AppError)
  expect(back).toMatchObject({ code: 'data_invalid', message: 'm', details: error.details, exitCode: 2 })
  expect((back.cause as Error).message).toBe('why')
  expect(JSON.stringify(new AppError('usage', 'm'))).toBe('{"code":"usage","message":"m","details":{}}')
})

test('an AppError is wrapped twice, or a thrown string is lost', () => {
  const error = new AppError('stopped', 'm')
  expect(AppError.from(error)).toBe(error)
  expect(AppError.from('text')).toMatchObject({ code: 'internal', message: 'text' })
  expect(AppError.from(undefined, 'unreadable')).toMatchObject({ code: 'unreadable', message: 'undefined' })
})

test('an exit code outside the documented 2, 3 and 130', () => {
  expect([...new Set(Object.values(ERROR_EXIT_CODES))].sort((a, b) => a - b)).toEqual([2, 3, 130])
})

test('row 0 or line 0 disappears from a place', () => {
  expect(formatPlace({ file: 'f', line: 2, row: 0, column: 'c', key: 'k' })).toBe('f:2, row 0, column c, key k')
  expect(formatPlace({ row: 0 })).toBe('row 0')
  expect(formatPlace({})).toBe('')
})

test('a file is named twice, or its line not at all', () => {
  expect(formatError(new AppError('not_found', 'There is no file /x', { file: '/x', fix: 'Check it.' }))).toBe(
    'There is no file /x\n  Check it.',
  )
  expect(formatError(new AppError('config_invalid', 'bad /x', { file: '/x', line: 3 }))).toBe('bad /x\n  at /x:3')
  expect(formatError(new AppError('config_invalid', 'bad', { file: '/x', findings: ['a', 'b'] }))).toBe(
    'bad\n  at /x\n  - a\n  - b',
  )
})
