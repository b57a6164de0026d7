import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { PROTOCOL_VERSION } from '../../shared/api/engineProtocol'
import { childProcessSpawner } from './childProcessSpawner'
import { listBackends, sharedListing } from './listBackends'

const never = new AbortController().signal
let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'delta-backends-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A real process that answers as an engine does, except where `tensorflow` is asked for: there it runs `native`. */
function engine(native: string): string {
  const file = path.join(folder, 'engine.cjs')
  writeFileSync(
    file,
    `const fs = require('node:fs')
fs.appendFileSync(${JSON.stringify(path.join(folder, 'started'))}, '.')
const say = (frame, then) => process.send({ v: ${PROTOCOL_VERSION}, ...frame }, then)
process.on('message', ({ names }) => {
  if (names.includes('tensorflow')) { ${native} }
  say({ type: 'backends', backends: names.map((name) => ({ name, works: true, text: name })) }, () => process.exit(0))
})
say({ type: 'ready' })`,
  )
  return file
}

it('native code that ends its process is told of, and hides no other backend', async () => {
  const backends = await listBackends(childProcessSpawner(engine("process.kill(process.pid, 'SIGSEGV')")), never)
  expect(backends.map(({ name, works }) => [name, works])).toEqual([
    ['fused', true],
    ['tensorflow', false],
    ['wasm', true],
    ['cpu', true],
  ])
  expect(backends[1]).toMatchObject({
    text: expect.stringMatching(/^Starting it fails: .*SIGSEGV/),
    fix: 'Run: npm run setup:tensorflow',
  })
})

it('a page that asks again while it is being found out starts no further engine', async () => {
  const ask = sharedListing(childProcessSpawner(engine('')), never)
  const [one, other] = await Promise.all([ask(), ask()])
  expect(one).toEqual(other)
  expect(readFileSync(path.join(folder, 'started'), 'utf8')).toBe('..')
})
