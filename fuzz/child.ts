import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs'
import { writeCase } from './cases'
import { outcomeOf, prepareFolder, READERS } from './readers'

/**
 * Runs cases [from, to) of one reader and writes a line before and after each, so that its parent knows which one it
 * did not survive: `start N`, `end N OUTCOME MILLISECONDS PEAK_MB`. What is unclear goes to a file beside.
 */
const [name, folder, log, seed, from, to] = process.argv.slice(2) as [string, string, string, string, string, string]
const reader = READERS.find((each) => each.name === name)
if (!reader) throw new Error(`no reader ${name}`)
prepareFolder(reader, folder)
const handle = openSync(log, 'a')
for (let n = Number(from); n < Number(to); n++) {
  writeSync(handle, `start ${n}\n`)
  const trail = writeCase(reader, folder, Number(seed), n)
  const began = performance.now()
  const { outcome, why } = await outcomeOf(reader, folder)
  const took = performance.now() - began
  if (why !== undefined) appendFileSync(`${log}.unclear`, `${JSON.stringify({ n, trail, why })}\n`)
  const peak = process.resourceUsage().maxRSS / 1024
  writeSync(handle, `end ${n} ${outcome} ${took.toFixed(1)} ${peak.toFixed(0)}\n`)
}
closeSync(handle)
