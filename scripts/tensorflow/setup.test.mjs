import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { compileAddOn } from './addOn.mjs'
import { check, setUpTensorflow, tensorflowFolder } from './setup.mjs'
import { findPython } from './wheel.mjs'

let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'delta-setup-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

it('says what is missing and how it is installed: pip, a compiler', () => {
  const env = { PATH: folder }
  expect(() => findPython(env)).toThrow('pip is missing, which downloads the library. On Debian: sudo apt-get install')
  expect(() => compileAddOn(folder, folder, env)).toThrow('A C++ compiler is missing')
})

it('says what the compiler said', () => {
  mkdirSync(join(folder, 'binding'))
  writeFileSync(join(folder, 'binding', 'tfjs_backend.cc'), 'int broken(')
  writeFileSync(join(folder, 'binding', 'tfjs_binding.cc'), '')
  try {
    compileAddOn(folder, folder)
  } catch (error) {
    // A machine without a compiler says so instead.
    expect(error.message).toMatch(/The add-on does not compile: .*error|A C\+\+ compiler is missing/)
    return
  }
  expect.unreachable('a broken source compiled')
})

it('tells a folder that was never set up from one that does not work', () => {
  expect(check(folder)).toMatchObject({ works: false, text: expect.stringContaining('never set up') })
  const lib = join(folder, 'node_modules', '@tensorflow', 'tfjs-node-gpu', 'lib', 'napi-v8')
  mkdirSync(lib, { recursive: true })
  writeFileSync(join(folder, 'installed.json'), '{bro')
  expect(check(folder)).toMatchObject({ works: false, text: 'installed.json is damaged' })
  writeFileSync(join(folder, 'installed.json'), JSON.stringify({ kind: 'cpu', source: 'wheel', tensorflow: '2.21.0' }))
  expect(check(folder).text).toContain('there is no tfjs_binding.node')
  writeFileSync(join(lib, 'tfjs_binding.node'), 'not a library')
  expect(check(folder)).toMatchObject({ works: false, text: expect.stringContaining('Error') })
})

it('keeps to the cache folder of the user', () => {
  expect(tensorflowFolder({ XDG_CACHE_HOME: '/caches' })).toBe(join('/caches', 'delta-workbench', 'tensorflow'))
})

it('a cache that cannot be written is said before anything is fetched', async () => {
  writeFileSync(join(folder, 'file'), '')
  await expect(setUpTensorflow({ kind: 'cpu', folder: join(folder, 'file', 'tensorflow') })).rejects.toThrow(
    /^Nothing can be written beside .*file/,
  )
})
