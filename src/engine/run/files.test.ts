import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { AppError } from '../../shared/errors'
import { temporaryFolder } from '../data/dataFixture'
import { writeAtomically } from './files'

test('a failed write leaves its half behind, or damages the old file', () => {
  const folder = temporaryFolder()
  const target = path.join(folder, 'taken')
  fs.mkdirSync(path.join(target, 'inside'), { recursive: true })
  expect(() => writeAtomically(target, 'new')).toThrow(AppError)
  expect(fs.readdirSync(folder)).toEqual(['taken'])
})

test('the reason of a failed write is hidden', () => {
  const file = path.join(temporaryFolder(), 'no', 'file')
  expect(() => writeAtomically(file, 'x')).toThrow(
    expect.objectContaining({
      code: 'unwritable',
      message: expect.stringContaining('ENOENT'),
      details: expect.objectContaining({ file }),
    }),
  )
})
