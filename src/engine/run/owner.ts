import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { isCode, unwritable } from './files'

const ownerSchema = z.object({ pid: z.int(), host: z.string(), started: z.string() })

/** Another machine sees by the file's time that the owner lives, however long an epoch takes. */
const HEARTBEAT_MS = 10_000

/**
 * Makes this process the only writer of a run's folder; the returned function gives it up. An owner that died is
 * replaced.
 *
 * @throws AppError `usage` when another engine is at work there
 */
export function takeOwnership(dir: string): () => void {
  const file = path.join(dir, RUN_FILES.owner)
  const own = JSON.stringify({ pid: process.pid, host: os.hostname(), started: startOf(process.pid) })
  // Written under another name first: whoever sees the file sees all of it.
  const draft = `${file}.${process.pid}`
  try {
    fs.writeFileSync(draft, own)
    for (;;) {
      try {
        place(draft, file, own)
        const heart = setInterval(() => beat(file), HEARTBEAT_MS)
        heart.unref()
        return () => {
          clearInterval(heart)
          release(file, own)
        }
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error
      }
      refuseLiveOwner(dir, file)
      // Only one of several heirs finds the dead owner's file to move away.
      const stale = `${draft}.stale`
      try {
        fs.renameSync(file, stale)
      } catch (error) {
        if (!isCode(error, 'ENOENT')) throw error
      }
      fs.rmSync(stale, { force: true })
    }
  } catch (cause) {
    throw cause instanceof AppError ? cause : unwritable(file, cause)
  } finally {
    fs.rmSync(draft, { force: true })
  }
}

function place(draft: string, file: string, own: string): void {
  try {
    fs.linkSync(draft, file)
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw error
    // A file system without hard links.
    fs.writeFileSync(file, own, { flag: 'wx' })
  }
}

function refuseLiveOwner(dir: string, file: string): void {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch {
    return
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return
  }
  const owner = ownerSchema.safeParse(value)
  if (!owner.success) return
  const { pid, host, started } = owner.data
  if (host === os.hostname()) {
    if (startOf(pid) !== started) return
    throw new AppError('usage', `The run in ${dir} is being trained by process ${pid}`, { fix: 'Stop it first.' })
  }
  throw new AppError('usage', `The run in ${dir} is being trained by process ${pid} on ${host}`, {
    fix: `Stop it first; if that machine is gone, delete ${file}.`,
  })
}

function beat(file: string): void {
  const now = new Date()
  // Taken away by hand, or a share that is away for a moment: the next beat tries again.
  fs.utimes(file, now, now, () => {})
}

function release(file: string, own: string): void {
  try {
    if (fs.readFileSync(file, 'utf8') === own) fs.rmSync(file)
  } catch {
    // Taken away by hand: there is nothing left to give up.
  }
}

/**
 * Tells a process from a later one with its number: the machine's boot and the clock ticks between that and the process's start, which
 * no change of the clock touches. 'running' where the system does not say, '' for one that is gone. Core reads the same (`processes.ts`).
 */
export function startOf(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has died; only its parent has not asked for its exit code yet.
    if (fields[0] === 'Z' || fields[0] === 'X') return ''
    const ticks = fields[19] ?? ''
    return `${fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${ticks}`
  } catch {
    try {
      process.kill(pid, 0)
      return 'running'
    } catch (error) {
      return isCode(error, 'EPERM') ? 'running' : ''
    }
  }
}
