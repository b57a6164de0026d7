import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { writeCase } from './cases'
import { outcomeOf, prepareFolder, READERS, type Reader } from './readers'

/** The slice of `npm run fuzz` that every test run takes: its first cases, all hostile seeds among them. */
const CASES = 40
/** What these cannot read they leave out, and say nothing. */
const NEVER_REFUSES = new Set(['hparams.yaml', 'TensorBoard payloads'])
const root = mkdtempSync(path.join(tmpdir(), 'delta-fuzz-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

test.each(READERS.map((reader) => ({ name: reader.name, reader })))(
  '$name: a broken or hostile file ends in anything but a clear error with its place',
  async ({ name, reader }) => {
    const folder = path.join(root, name.replaceAll(/\W+/g, '-'))
    prepareFolder(reader, folder)
    const unclear: string[] = []
    const counts = { accepted: 0, clear: 0, unclear: 0 }
    for (let n = 0; n < CASES; n++) {
      const trail = writeCase(reader, folder, 0, n)
      const { outcome, why } = await outcomeOf(reader, folder)
      counts[outcome]++
      if (outcome === 'unclear') unclear.push(`case ${n} (${trail.join(', ')}): ${why}`)
    }
    expect(unclear.slice(0, 5)).toEqual([])
    // Files that are all refused, or all accepted, would not have tested anything.
    if (!NEVER_REFUSES.has(name)) expect(counts.clear).toBeGreaterThan(0)
    expect(counts.accepted).toBeGreaterThan(0)
  },
)

const FOUND = path.join(import.meta.dirname, 'found')
/** Its name's ending says what kind of file it is. */
const readersOf = (name: string): Reader[] =>
  READERS.filter(({ file, wrap }) => wrap === undefined && file.includes(path.extname(name)))

test.each(readdirSync(FOUND))('%s, which a reader once read without end, is read without end again', async (name) => {
  expect(readersOf(name)).not.toEqual([])
  for (const reader of readersOf(name)) {
    const folder = path.join(root, `found-${reader.name.replaceAll(/\W+/g, '-')}`)
    prepareFolder(reader, folder)
    copyFileSync(path.join(FOUND, name), path.join(folder, reader.file))
    expect(await outcomeOf(reader, folder), reader.name).toMatchObject({
      outcome: expect.stringMatching(/accepted|clear/),
    })
  }
})
