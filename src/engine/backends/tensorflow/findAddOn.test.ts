import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AppError } from '../../../shared/errors'
import { findAddOn } from './findAddOn'
import { loadTensorflow } from './loadTensorflow'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'delta-tensorflow-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

function build(napi: string, content = 'not a library'): string {
  const library = path.join(folder, 'node_modules', '@tensorflow', 'tfjs-node-gpu')
  const file = path.join(library, 'lib', napi, 'tfjs_binding.node')
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(path.join(library, 'package.json'), '{}')
  writeFileSync(file, content)
  return file
}

it('takes the newest build, by number', () => {
  build('napi-v8')
  const newest = build('napi-v10')
  build('napi-v9')
  expect(findAddOn({ DELTA_TENSORFLOW: folder })?.binding).toBe(newest)
})

it('finds what npm run setup:tensorflow has made, for which device it says', () => {
  const cache = path.join(folder, 'cache')
  const home = path.join(cache, 'delta-workbench', 'tensorflow')
  const made = build('napi-v8')
  mkdirSync(path.dirname(home), { recursive: true })
  cpSync(path.join(folder, 'node_modules'), path.join(home, 'node_modules'), { recursive: true })
  writeFileSync(path.join(home, 'installed.json'), JSON.stringify({ kind: 'cpu', source: 'wheel' }))
  expect(findAddOn({ XDG_CACHE_HOME: cache })).toMatchObject({
    kind: 'cpu',
    binding: path.join(home, path.relative(folder, made)),
  })
})

it('does not look elsewhere when a folder is named', () => {
  expect(findAddOn({ DELTA_TENSORFLOW: folder })).toBeUndefined()
})

it('says how TensorFlow is had where it is missing', async () => {
  vi.stubEnv('DELTA_TENSORFLOW', folder)
  const error = await loadTensorflow().catch(AppError.from)
  expect(error).toMatchObject({
    code: 'backend_unavailable',
    message: 'TensorFlow is not set up here',
    details: { fix: 'Run: npm run setup:tensorflow, or take --backend auto.' },
  })
})

it('a broken add-on is named, and is looked for again', async () => {
  vi.stubEnv('DELTA_TENSORFLOW', folder)
  const file = build('napi-v8')
  for (let again = 0; again < 2; again++) {
    const error = await loadTensorflow().catch(AppError.from)
    expect(error).toMatchObject({ code: 'backend_unavailable', details: { file } })
    rmSync(path.join(folder, 'node_modules'), { recursive: true })
    await expect(loadTensorflow()).rejects.toThrow('not set up')
    build('napi-v8')
  }
})
