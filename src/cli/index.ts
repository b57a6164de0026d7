#!/usr/bin/env node
import { keepCompiled } from '../core/compileCache'
import { endEarly, startEarly } from './earlyEngine'
import { complainAboutNode } from './nodeVersion'

// Nothing but Node's own modules is imported before the check: an old Node would fail while reading it, with a message nobody understands.
const complaint = complainAboutNode(process.versions.node)
if (complaint === undefined) {
  const args = process.argv.slice(2)
  keepCompiled()
  startEarly(args)
  void import('./program').then(({ main }) => main(args)).finally(endEarly)
} else {
  process.stderr.write(`${complaint}\n`)
  process.exitCode = 2
}
