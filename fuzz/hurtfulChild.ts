import { mkdirSync, mkdtempSync, writeSync } from 'node:fs'
import path from 'node:path'
import { HURTFUL, place } from './hurtful'
import { outcomeOf, prepareFolder, READERS } from './readers'

/** Gives every reader every hurtful file, and says so on a line before and one after: its parent knows what it is at. */
const [root, ...wanted] = process.argv.slice(2) as [string, ...string[]]
const store = path.join(root, 'made')
mkdirSync(store, { recursive: true })
for (const reader of READERS) {
  if (reader.wrap || (wanted.length > 0 && !wanted.includes(reader.name))) continue
  for (const hurtful of HURTFUL) {
    const folder = mkdtempSync(path.join(root, 'case-'))
    prepareFolder(reader, folder)
    place(hurtful, path.join(folder, reader.file), store)
    writeSync(1, `${JSON.stringify({ reader: reader.name, file: hurtful.name, state: 'begun' })}\n`)
    const began = performance.now()
    const outcome = await outcomeOf(reader, folder)
    const ms = Math.round(performance.now() - began)
    const mb = Math.round(process.resourceUsage().maxRSS / 1024)
    writeSync(1, `${JSON.stringify({ reader: reader.name, file: hurtful.name, state: 'ended', ms, mb, ...outcome })}\n`)
  }
}
