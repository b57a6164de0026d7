import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AppError } from '../shared/errors'
import { createOutput, reportError } from './output'

let written: { stdout: string; stderr: string }
beforeEach(() => {
  written = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text)
      return true
    })
})
afterEach(() => void vi.restoreAllMocks())

test('with --json a line for people reaches stdout, or an object spans two lines', () => {
  const output = createOutput(true)
  output.say('hello')
  output.status('50 %')
  output.warn('careful')
  output.object({ type: 'log', message: 'two\nlines' })
  expect(written).toEqual({ stdout: '{"type":"log","message":"two\\nlines"}\n', stderr: 'careful\n' })
})

test('text from a file moves the cursor or colours the terminal', () => {
  const output = createOutput(false)
  output.say('a\u001b[2Jb\rc\u009bd\te\nf')
  expect(written.stdout).toBe('a\\x1b[2Jb\\x0dc\\x9bd\te\nf\n')
})

test('an error loses its place or its fix, shows its stack, or exits with 1', () => {
  const error = new AppError('data_invalid', 'bad', { file: 'f.jsonl', line: 3, fix: 'Mend it.' }, new Error('inner'))
  expect(reportError(error, createOutput(false))).toBe(2)
  expect(written).toEqual({ stdout: '', stderr: 'Error: bad\n  at f.jsonl:3\n  Mend it.\n' })
  expect(reportError(new TypeError('surprise'), createOutput(true))).toBe(3)
  expect(JSON.parse(written.stdout)).toEqual({
    type: 'error',
    code: 'internal',
    message: 'surprise',
    details: {},
    cause: { message: 'surprise' },
  })
})
