import type { ChildProcess } from 'node:child_process'
import path from 'node:path'
import { forkEngine } from '../core/engine/forkEngine'

/** Tells the engine what it will be asked, so that it prepares for it. */
const TRAINING = 'train'

let early: ChildProcess | undefined

/**
 * Starts an engine before anything else is read, where one is going to be needed: its process and this one take about as long to
 * start, and do so side by side.
 */
export function startEarly(args: readonly string[]): void {
  if (args[0] !== TRAINING || args.some((arg) => arg === '--help' || arg === '-h')) return
  const child = forkEngine(path.join(import.meta.dirname, 'engine.js'), {}, [TRAINING])
  // One that does not start is not worth a word: the next one will say why.
  child.on('error', () => {})
  child.on('exit', () => {
    if (early === child) early = undefined
  })
  early = child
}

/** The engine that was started early; once, and while it lives. */
export function takeEarly(): ChildProcess | undefined {
  const child = early
  early = undefined
  return child
}

/** The command line was wrong: nobody needs it. */
export function endEarly(): void {
  takeEarly()?.kill('SIGKILL')
}
