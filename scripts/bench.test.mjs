import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { questionFiles } from './bench.mjs'

test('a script that is no question is run, or a question is left out or out of order', () => {
  const folder = mkdtempSync(join(tmpdir(), 'delta-bench-'))
  try {
    const write = (name, text) => writeFileSync(join(folder, name), text)
    write('zebra.ts', "export const question = { name: 'zebra' }\n")
    write('start.ts', 'export const question: Question = {}\n')
    write('epoch.ts', 'import x\nexport const question = {}\n')
    write('tool.ts', 'const question = 1\nrun(question)\n')
    write('epoch.test.ts', 'export const question = {}\n')
    expect(questionFiles(folder).map((file) => basename(file))).toEqual(['epoch.ts', 'start.ts', 'zebra.ts'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the questions of this checkout are gone', () => {
  const names = questionFiles().map((file) => basename(file, '.ts'))
  expect(names).toEqual(
    expect.arrayContaining(['epoch', 'models', 'backends', 'seeds', 'predictions', 'start', 'ceilings', 'scaling']),
  )
})
