import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { makeFolders } from './folders'

function temporary(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-folders-'))
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

it('makes a folder and those above it, and is content with one that is there', () => {
  const dir = path.join(temporary(), 'a', 'b', 'c')
  makeFolders(dir)
  makeFolders(dir)
  expect(fs.statSync(dir).isDirectory()).toBe(true)
})

it.runIf(process.platform === 'linux')('ends on a file system that refuses every new name', () => {
  expect(() => makeFolders('/proc/no/such/folder')).toThrow(/cannot be made/)
})

it('says so where a file stands in the way', () => {
  const file = path.join(temporary(), 'file')
  fs.writeFileSync(file, '')
  expect(() => makeFolders(file)).toThrow(/it is a file/)
  expect(() => makeFolders(path.join(file, 'below'))).toThrow(/cannot be made/)
})
