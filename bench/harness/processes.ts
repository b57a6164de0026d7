import { spawn } from 'node:child_process'

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
  timedOut: boolean
}

/** What a failing program said last, for a row's remark. */
const LAST_LINES = 3
export const lastWords = (text: string): string => text.trim().split('\n').slice(-LAST_LINES).join(' · ')

/** Runs a program to its end, or to `seconds`, whichever comes first. One that cannot be started has code null. */
export function runProgram(
  program: string,
  args: readonly string[],
  { seconds, cwd, env }: { seconds: number; cwd?: string; env?: NodeJS.ProcessEnv },
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env: env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    let timedOut = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, 1000 * seconds)
    child.on('error', (error) => {
      clearTimeout(timer)
      resolve({ code: null, stdout, stderr: error.message, timedOut })
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr, timedOut })
    })
  })
}

/** The last line that is a JSON object, of a program that prints one a line. */
export function lastObject(stdout: string): unknown {
  for (const line of stdout.trim().split('\n').toReversed()) {
    if (!line.startsWith('{')) continue
    try {
      return JSON.parse(line)
    } catch {
      continue
    }
  }
  return undefined
}
