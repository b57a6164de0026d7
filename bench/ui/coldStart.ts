import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { figure, type Figure } from './figures'
import { ELECTRON, flags, ROOT, ROWS } from './launch'
import { manyRuns, type Workspace } from './workspaces'

const TIMEOUT_MS = 120_000
const LOOK_EVERY_MS = 10
const ANSWER_MS = 5_000

interface Start {
  /** Seconds after the program was started. */
  window: number
  row: number
  answered: number
}

/**
 * From the start of the process until the first run is painted, and until a key that was pressed then has had its effect. Without Playwright, which
 * holds an app back until it listens: only Chromium's own debugger port is open.
 */
export async function coldStart(folder: string, repeats: number, quick: boolean, say: (line: string) => void) {
  const few = manyRuns(folder, 50)
  const many = manyRuns(folder, quick ? 500 : 10_000)
  const name = quick ? '500' : '10,000'
  // The first start after an update reads the folders into the history and compiles the code that later ones find compiled.
  say('Starting for the first time…')
  for (const workspace of [few, many]) await start(workspace, 10_000)
  const starts = { few: [] as Start[], many: [] as Start[] }
  for (let n = 0; n < repeats; n++) {
    say(`Start ${n + 1} of ${repeats}…`)
    starts.few.push(await start(few))
    starts.many.push(await start(many))
  }
  const rows = (what: string, list: Start[], atMost?: number): Figure[] => [
    figure(
      `${what}: page loaded`,
      's',
      list.map(({ window }) => window),
    ),
    figure(
      `${what}: first run painted`,
      's',
      list.map(({ row }) => row),
      { atMost },
    ),
    figure(
      `${what}: a key answered`,
      's',
      list.map(({ answered }) => answered),
      { atMost },
    ),
  ]
  return [...rows('cold start, 50 runs', starts.few, 2), ...rows(`cold start, ${name} runs`, starts.many, 2)]
}

async function start(workspace: Workspace, stayMs = 0): Promise<Start> {
  const began = Date.now()
  const child = spawn(ELECTRON, ['--remote-debugging-port=0', ...flags(workspace)], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: undefined },
  })
  const exit = once(child, 'exit')
  try {
    const port = new URL(await debuggerAddress(child)).port
    const page = await Debugger.ofPage(Number(port))
    const loaded = await page.until(
      `performance.timeOrigin + performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd`,
    )
    const row = await page.until(painted(`document.querySelector(${JSON.stringify(ROWS)})`))
    await page.send('Input.dispatchKeyEvent', { type: 'keyDown', key: '/', text: '/', code: 'Slash' })
    const answered = await page.until(painted(`document.activeElement?.matches('input, [contenteditable]')`))
    // So that what is left for later (reading folders into the history) is done before the next start.
    await sleep(stayMs)
    page.close()
    const since = (time: number): number => (time - began) / 1000
    return { window: since(loaded), row: since(row), answered: since(answered) }
  } finally {
    child.kill('SIGTERM')
    await Promise.race([exit, sleep(10_000).then(() => child.kill('SIGKILL'))])
  }
}

/** The moment (milliseconds since 1970) of the frame after the one in which something has become true. */
function painted(condition: string): string {
  return `new Promise((resolve) => {
    const look = () => (${condition}) ? requestAnimationFrame(() => resolve(performance.timeOrigin + performance.now())) : requestAnimationFrame(look)
    look()
  })`
}

async function debuggerAddress(child: ChildProcess): Promise<string> {
  if (child.stderr === null) throw new Error('no stderr')
  // Read on to the end, or the pipe fills.
  const lines = createInterface({ input: child.stderr })
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const address = /DevTools listening on (ws:\S+)/.exec(line)?.[1]
      if (address !== undefined) resolve(address)
    })
    lines.on('close', () => reject(new Error('Electron ended before its debugger listened')))
  })
}

/** As much of Chromium's protocol as is needed here. */
class Debugger {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #id = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      const { id, result, error } = JSON.parse(String(data))
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error) waiting?.reject(new Error(error.message))
      else waiting?.resolve(result)
    })
  }

  static async ofPage(port: number): Promise<Debugger> {
    const until = Date.now() + TIMEOUT_MS
    while (Date.now() < until) {
      const targets: { type: string; url: string; webSocketDebuggerUrl: string }[] = await fetch(
        `http://127.0.0.1:${port}/json`,
      ).then((response) => response.json())
      const page = targets.find(({ type, url }) => type === 'page' && url.startsWith('app:'))
      if (page) {
        const socket = new WebSocket(page.webSocketDebuggerUrl)
        await once(socket, 'open')
        return new Debugger(socket)
      }
      await sleep(LOOK_EVERY_MS)
    }
    throw new Error('no page')
  }

  send(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#id
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      // A page that is replaced while it is asked never answers.
      setTimeout(() => reject(new Error(`${method} was not answered`)), ANSWER_MS).unref()
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
  }

  /** Asks until the answer is a moment; a page that is still loading loses the question. */
  async until(expression: string): Promise<number> {
    const until = Date.now() + TIMEOUT_MS
    while (Date.now() < until) {
      const answer = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }).catch(
        () => undefined,
      )
      const value: unknown = Object(Object(answer).result).value
      if (typeof value === 'number' && value > 1e12) return value
      await sleep(LOOK_EVERY_MS)
    }
    throw new Error(`never: ${expression}`)
  }

  close(): void {
    this.#socket.close()
  }
}
