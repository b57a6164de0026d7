import { createInterface } from 'node:readline'
import { z } from 'zod'
import { sweepProgressSchema, type SweepProgress } from '../../shared/domain/sweeps'
import { AppError, appErrorSchema } from '../../shared/errors'
import { lastWords, type EngineSpawner } from '../engine/spawner'
import { stderrLines } from '../engine/runInEngine'

/** What a stopping sweep may take to write its checkpoints before it is killed. */
const STOP_GRACE_MS = 30_000

const lineSchema = z.looseObject({ type: z.string() })

export interface SweepProcessOptions {
  spawner: EngineSpawner
  args: readonly string[]
  cwd: string
  /** A trial has begun or ended. */
  onTrial: () => void
  onProgress: (progress: SweepProgress) => void
}

/** `delta sweep` at work: it would go on without us but for its parent, with which it ends in good order. */
export class SweepProcess {
  /** Why it ended without a result, or whether it ended well; neither for one that was stopped. Never rejects. */
  readonly ended: Promise<{ error?: AppError | undefined; well: boolean }>
  readonly #end: (signal: 'SIGTERM' | 'SIGHUP') => void

  /** @throws AppError `backend_unavailable` where no command line can be started */
  constructor({ spawner, args, cwd, onTrial, onProgress }: SweepProcessOptions) {
    const child = spawner.command?.(args, cwd)
    if (!child?.stdout || !child.stderr)
      throw new AppError('backend_unavailable', 'The command line cannot be started from here', {
        fix: 'Copy the command and give it in a terminal.',
      })
    const words = lastWords(child.stderr)
    let error: AppError | undefined
    let well = false
    let asked = false
    let grace: NodeJS.Timeout | undefined
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { type, ...rest } = parsed(line)
      if (type === 'error') {
        const told = appErrorSchema.safeParse(rest)
        if (told.success) error = AppError.fromJSON(told.data)
      } else if (type === 'progress') {
        const progress = sweepProgressSchema.safeParse(rest)
        if (progress.success) onProgress(progress.data)
      } else {
        well ||= type === 'result'
        onTrial()
      }
    })
    this.#end = (signal) => {
      if (asked) return
      asked = true
      child.kill(signal)
      grace = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
    }
    this.ended = new Promise((resolve) => {
      child.on('error', (cause) => resolve({ error: AppError.from(cause), well: false }))
      child.on('close', (code, signal) => {
        clearTimeout(grace)
        if (error || well || asked)
          return resolve({ error: asked && error?.code === 'stopped' ? undefined : error, well: well && !asked })
        const how = signal ? `by ${signal}` : `with exit code ${code}`
        const crashed = new AppError('engine_crashed', `The process of the sweep ended ${how}`, {
          findings: stderrLines(words()).slice(-5),
          fix: 'Resume it: it goes on where it was.',
        })
        resolve({ error: crashed, well: false })
      })
    })
  }

  /** A person's wish. */
  stop(): void {
    this.#end('SIGTERM')
  }

  /** The window goes: what a cluster trains is left to it. */
  leave(): void {
    this.#end('SIGHUP')
  }
}

function parsed(line: string): z.infer<typeof lineSchema> {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data ?? { type: '' }
  } catch {
    return { type: '' }
  }
}
