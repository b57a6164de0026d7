import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { assetPath, pageAsset } from './pageAsset'
import { CONTENT_SECURITY_POLICY } from './pageHeaders'

let folder: string
let root: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'delta-page-'))
  root = join(folder, 'renderer')
  mkdirSync(join(root, 'assets'), { recursive: true })
  writeFileSync(join(root, 'index.html'), '<p>page')
  writeFileSync(join(root, 'assets', 'a b.js'), '1')
  writeFileSync(join(root, '.fingerprint'), 'x')
  writeFileSync(join(folder, 'secret.js'), 'secret')
  symlinkSync(join(folder, 'secret.js'), join(root, 'linked.js'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('serves the page and its parts with their types', async () => {
  expect(await pageAsset(root, '/')).toMatchObject({ type: 'text/html; charset=utf-8' })
  expect((await pageAsset(root, '/assets/a%20b.js'))?.body.toString()).toBe('1')
})

it.each([
  '/../secret.js',
  '/%2e%2e/secret.js',
  '/..%2fsecret.js',
  '/%2e%2e%2fsecret.js',
  '/assets/../../secret.js',
  '/..%5csecret.js',
  '/linked.js',
  '//etc/passwd',
  '/%00.js',
  '/index.html%00.js',
  '/C:/secret.js',
  '/%E0%A4%A',
  'secret.js',
  '',
  '/assets',
  '/.fingerprint',
  '/missing.js',
])('serves nothing for %j', async (path) => {
  expect(await pageAsset(root, path)).toBeUndefined()
})

it('decodes once: a name that decodes to a climb after a second decoding stays a name', () => {
  expect(assetPath('/root', '/%252e%252e/x.js')).toBe('/root/%2e%2e/x.js')
})

it('allows neither eval nor anything inline', () => {
  expect(CONTENT_SECURITY_POLICY).not.toMatch(/unsafe|\*|https?:/)
  expect(CONTENT_SECURITY_POLICY).toContain("default-src 'none'")
})
