#!/usr/bin/env node
import { complainAboutNode } from './nodeVersion'

// Nothing else is imported before the check: an old Node would fail while reading it, with a message nobody understands.
const complaint = complainAboutNode(process.versions.node)
if (complaint === undefined) void import('./program').then(({ main }) => main(process.argv.slice(2)))
else {
  process.stderr.write(`${complaint}\n`)
  process.exitCode = 2
}
