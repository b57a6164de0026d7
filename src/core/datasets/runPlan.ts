import fs from 'node:fs'
import { createInterface } from 'node:readline'
import { appErrorSchema, AppError, messageOf } from '../../shared/errors'
import { workSchema } from '../../shared/api/engineProtocol'
import type { EngineSpawner } from '../engine/spawner'
import { makeFolders } from '../folders'
import { flagsOf, type Plan, type PlanStep } from './plan'
import type { OnWork } from './works'

/** What a stopping command may take before it is killed. */
const STOP_GRACE_MS = 20_000
/** Lines of warnings that are kept. */
const MOST_NOTES = 50

/**
 * Does what a plan says, by the very commands that are shown. What fails or is stopped before the data set is worth keeping leaves nothing
 * behind.
 *
 * @returns what the commands had to say
 * @throws AppError of the command, `stopped`, `unwritable`
 */
export async function runPlan(
  plan: Plan,
  spawner: EngineSpawner,
  cwd: string,
  onWork: OnWork,
  stop: AbortSignal,
): Promise<string[]> {
  const notes: string[] = []
  let done = 0
  try {
    for (const step of plan.steps) {
      if (stop.aborted) throw new AppError('stopped', 'Stopped')
      await runStep(step, spawner, cwd, onWork, notes, stop)
      done++
    }
    return notes
  } catch (thrown) {
    if (plan.fresh && done < plan.lasting)
      for (const folder of [plan.folder, ...plan.also]) fs.rmSync(folder, { recursive: true, force: true })
    throw thrown
  }
}

async function runStep(
  step: PlanStep,
  spawner: EngineSpawner,
  cwd: string,
  onWork: OnWork,
  notes: string[],
  stop: AbortSignal,
): Promise<void> {
  try {
    switch (step.type) {
      case 'folder':
        return makeFolders(step.path)
      case 'copy':
        // What is missing is made by a later step, or told by it.
        if (!fs.existsSync(step.from)) return
        onWork({ label: 'Copying', what: '', done: 0 })
        return await fs.promises.copyFile(step.from, step.to, fs.constants.COPYFILE_FICLONE)
      case 'write':
        return fs.writeFileSync(step.file, step.text, { flag: 'wx', flush: true })
      case 'delta':
        onWork({ label: step.label, what: '', done: 0 })
        return await runCommand(['data', step.verb, ...flagsOf(step.args), '--json'], spawner, cwd, onWork, notes, stop)
    }
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown
    throw new AppError('unwritable', `The data set cannot be written: ${messageOf(thrown)}`, {}, thrown)
  }
}

async function runCommand(
  args: readonly string[],
  spawner: EngineSpawner,
  cwd: string,
  onWork: OnWork,
  notes: string[],
  stop: AbortSignal,
): Promise<void> {
  const child = spawner.command?.(args, cwd)
  if (!child?.stdout || !child.stderr)
    throw new AppError('backend_unavailable', 'The command line cannot be started from here', {
      fix: 'Copy the command and give it in a terminal.',
    })
  let error: AppError | undefined
  let grace: NodeJS.Timeout | undefined
  const end = (): void => {
    child.kill('SIGTERM')
    grace = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
  }
  stop.addEventListener('abort', end, { once: true })
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    const object = parsed(line)
    const { type, ...rest } = object
    if (type === 'error') error = AppError.fromJSON(appErrorSchema.parse(rest))
    else if (type === 'result') for (const note of outcome(rest)) notes.push(note)
    else if (type === 'progress') {
      const work = workSchema.safeParse({ what: 'texts', ...rest })
      if (work.success) onWork(work.data)
    }
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    const text = line.trim()
    // Its errors come as an object, and being stopped is no news.
    if (text !== '' && !/^(Error|Stopping|at )/.test(text) && notes.length < MOST_NOTES) notes.push(text)
  })
  try {
    const { code, signal } = await exited
    if (stop.aborted) throw new AppError('stopped', 'Stopped')
    if (error) throw error
    if (code !== 0)
      throw new AppError('engine_crashed', `The command ended ${signal ? `by ${signal}` : `with exit code ${code}`}`, {
        findings: notes.slice(-5),
      })
  } finally {
    clearTimeout(grace)
    stop.removeEventListener('abort', end)
  }
}

function parsed(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line))
  } catch {
    return {}
  }
}

/** A result in a sentence or two. */
function outcome(result: Record<string, unknown>): string[] {
  const number = (key: string): string => Number(result[key] ?? 0).toLocaleString('en')
  const list = (key: string): Record<string, unknown>[] => {
    const value = result[key]
    return Array.isArray(value) ? value.map((one) => Object(one)) : []
  }
  if (result['task'] === 'split') {
    const sizes = list('splits').map((split) => `${split['split']} ${Number(split['pairs']).toLocaleString('en')}`)
    return [`${number('rows')} rows split: ${sizes.join(', ')}`]
  }
  if (result['task'] === 'dedupe') return [`${number('kept')} of ${number('rows')} rows kept`]
  if (result['task'] === 'bow') return [`${number('words')} words of ${number('trainingTexts')} training texts`]
  if (result['task'] === 'features') return [`${list('features').length} columns encoded`]
  if ('estimate' in result) {
    const cached = Number(Object(result['estimate']).cached ?? 0)
    const known = cached > 0 ? `, ${cached.toLocaleString('en')} known from before` : ''
    return [`${number('embedded')} texts embedded${known}`]
  }
  if ('pairs' in result && 'df_file' in result) {
    const left = list('notes').map(
      (note) => `${Number(note['count']).toLocaleString('en')} ${note['reason']}: ${note['message']}`,
    )
    return [`${number('rows')} rows became ${number('pairs')} pairs of ${number('users')} users`, ...left]
  }
  return []
}
