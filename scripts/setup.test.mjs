import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { fingerprint } from './build.mjs'
import { lockMismatch, missingPackages } from './setup.mjs'

const lock = (packages) => ({ packages: { '': { name: 'root' }, ...packages } })
const a = { version: '1.0.0', integrity: 'sha512-a' }

it('installs again when a package is missing, older or of other content', () => {
  expect(lockMismatch(lock({ a }), lock({ a }))).toBeUndefined()
  expect(lockMismatch(lock({ a }), lock({}))).toBe('a')
  expect(lockMismatch(lock({ a }), lock({ a: { ...a, version: '0.9.0' } }))).toBe('a')
  expect(lockMismatch(lock({ a }), lock({ a: { ...a, integrity: 'sha512-b' } }))).toBe('a')
})

it('does not install for ever what npm leaves out on this platform', () => {
  expect(lockMismatch(lock({ a, gpu: { ...a, optional: true } }), lock({ a }))).toBeUndefined()
})

it('asks for the packages that dpkg does not call installed, whatever their name of today', () => {
  const answer = 'xvfb installed\nlibnss3 not-installed\nlibasound2t64 installed\n'
  expect(missingPackages(['xvfb', 'libnss3', 'libasound2|libasound2t64', 'libgbm1'], answer)).toEqual([
    'libnss3',
    'libgbm1',
  ])
})

let root
afterEach(() => root && rmSync(root, { recursive: true, force: true }))

it('sees a build as stale after a change of its sources, and not after one of its tests', () => {
  root = mkdtempSync(join(tmpdir(), 'delta-build-'))
  for (const folder of ['src/shared', 'src/preload', 'scripts']) mkdirSync(join(root, folder), { recursive: true })
  for (const file of [
    'electron.vite.config.ts',
    'package.json',
    'package-lock.json',
    'scripts/build.mjs',
    'src/preload/index.ts',
  ]) {
    writeFileSync(join(root, file), '1')
  }
  const first = fingerprint(root, 'preload')
  writeFileSync(join(root, 'src/preload/index.test.ts'), '1')
  expect(fingerprint(root, 'preload')).toBe(first)
  utimesSync(join(root, 'src/preload/index.ts'), 1, 1)
  const second = fingerprint(root, 'preload')
  expect(second).not.toBe(first)
  writeFileSync(join(root, 'src/shared/new.ts'), '')
  expect(fingerprint(root, 'preload')).not.toBe(second)
})
