import { describe, expect, it } from 'vitest'
import { judgeImport } from './layers.mjs'

const root = '/repo'
const judge = (file, specifier) => judgeImport(root, `${root}/${file}`, specifier)

describe('the import table', () => {
  it.each([
    ['src/engine/loop/fit.ts', '../../shared/errors'],
    ['src/engine/entry.ts', 'node:fs'],
    ['src/core/router.ts', '../shared/api/requests'],
    ['src/cli/train.ts', '../core/engineHost'],
    ['src/shared/errors.ts', 'zod'],
    ['src/renderer/app.ts', 'vue'],
    ['src/shared/errors.test.ts', 'node:fs'],
    ['e2e/app.spec.ts', '../src/engine/entry'],
  ])('lets %s import %s', (file, specifier) => {
    expect(judge(file, specifier)).toBeNull()
  })

  it.each([
    ['src/shared/errors.ts', 'node:fs'],
    ['src/shared/errors.ts', 'yaml'],
    ['src/shared/errors.ts', '../engine/data/npy'],
    ['src/core/router.ts', '../engine/runExperiment'],
    ['src/engine/entry.ts', 'electron'],
    ['src/renderer/app.ts', 'node:fs'],
    ['src/renderer/app.ts', '../core/router'],
    ['src/preload/index.ts', 'node:path'],
    ['src/main/index.ts', '../cli/index'],
    ['src/core/router.ts', '../../scripts/build.mjs'],
  ])('keeps %s from importing %s', (file, specifier) => {
    expect(judge(file, specifier)).toEqual(expect.any(String))
  })
})
