import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { processInfo } from '../../core/runs/processes'
import { ROOT, contractFiles } from '../../core/testing/workspace'
import type { AppEvent } from '../../shared/api/events'
import type { Reply, RequestInput, RequestOutput, Route } from '../../shared/api/requests'
import { fromServerSchema } from '../../shared/api/socket'
import { hasEnded, isActive } from '../../shared/domain/lifecycle'
import { runRecordSchema } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'

/** Who is killed, with SIGKILL. */
export const VICTIMS = ['engine', 'workbench', 'both'] as const
export type Victim = (typeof VICTIMS)[number]

export interface FaultRound {
  victim: Victim
  /** Milliseconds after the run was accepted. */
  after: number
  /** How the run stood when everything had come to rest. */
  status: string
  /** Points of curves that windows had been told of, and are there after the fault. */
  points: number
  /** What was lost or wrong, one sentence each. */
  lost: string[]
}

/** Longest wait before the kill: from before the engine is ready to well into training. */
const LATEST_KILL_MS = 2_500
/** An orphaned engine ends within 2 s, a workbench looks around every second; the rest is for a busy machine. */
const REST_MS = 120_000

/**
 * Kills a workbench (`delta serve` with its history), its engine, or both, at a random moment of each of `rounds` runs, starts a new
 * workbench where needed, and looks at what is left: every accepted run and every published figure must be there, and no run
 * may have a status that is not so. Half of the runs then go on.
 *
 * @param random numbers in [0, 1)
 */
export async function injectFaults(folder: string, rounds: number, random: () => number): Promise<FaultRound[]> {
  const done: FaultRound[] = []
  let bench = await Bench.start(folder)
  const accepted = new Set<string>()
  try {
    for (let round = 0; round < rounds; round++) {
      const victim = VICTIMS[round % VICTIMS.length] ?? 'both'
      const experiment = {
        dts_config_file: contractFiles(folder).dts_config_file,
        config_file: contractFiles(folder).config_file,
        dts_name: 'small',
        exp_name: 'faults',
        changes: { 'trainer.max_epochs': 10_000_000 },
      }
      const { id, dir } = await bench.ask('runs.start', { experiment })
      accepted.add(id)
      const after = Math.round(random() * LATEST_KILL_MS)
      await pause(after)
      const told = bench.points(id)
      const engine = await bench.engineOf(dir)
      if (victim !== 'workbench' && engine !== undefined) kill(engine)
      if (victim !== 'engine') await bench.kill()
      if (victim === 'engine' && engine === undefined) await bench.ask('runs.stop', { id })
      if (victim !== 'engine') bench = await Bench.start(folder)
      const lost = await bench.atRest(id)
      const { run, transitions } = await bench.ask('runs.get', { id })
      lost.push(...(await bench.missing([...accepted])), ...(await bench.missingPoints(id, told)))
      lost.push(...wrongStatus(run.status, dir, transitions.length))
      if (random() < 0.5 && lost.length === 0) lost.push(...(await bench.goesOn(id, dir)))
      done.push({ victim, after, status: run.status, points: told.size, lost })
    }
  } finally {
    await bench.close()
  }
  return done
}

function wrongStatus(status: string, dir: string, transitions: number): string[] {
  const record = recordOf(dir)
  const found: string[] = []
  if (transitions < 2) found.push(`its life has ${transitions} entries`)
  if (record === undefined) found.push('its record cannot be read')
  else if (record.status !== status) found.push(`its folder says ${record.status}, the workbench ${status}`)
  if (record && record.reason === undefined) found.push('its end has no reason')
  return found
}

function recordOf(dir: string) {
  try {
    return runRecordSchema.parse(JSON.parse(fs.readFileSync(path.join(dir, 'run.json'), 'utf8')))
  } catch {
    return undefined
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

/** A workbench in a process of its own, and a window on it. */
class Bench {
  readonly #child: ChildProcess
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (reply: Reply<unknown>) => void>()
  /** Published and not yet taken back: of each run the loss by step. */
  readonly #told = new Map<string, Map<number, number>>()
  #id = 0

  static async start(folder: string): Promise<Bench> {
    const page = path.join(folder, 'page')
    fs.mkdirSync(page, { recursive: true })
    fs.writeFileSync(path.join(page, 'index.html'), '')
    const options = {
      logDir: path.join(folder, 'lightning_logs'),
      dataDir: path.join(folder, 'history'),
      cwd: folder,
      rendererDir: page,
    }
    const script = path.join(folder, 'workbench.mjs')
    const server = JSON.stringify(path.join(ROOT, 'out', 'main', 'server.js'))
    fs.writeFileSync(
      script,
      `import { serveHere } from ${server}\nconsole.log((await serveHere(${JSON.stringify(options)})).url)\n`,
    )
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(createInterface({ input: child.stdout }), 'line')
    const url = new URL(String(line))
    const socket = new WebSocket(`ws://${url.host}/socket${url.search}`, { headers: { origin: url.origin } })
    await once(socket, 'open')
    return new Bench(child, socket)
  }

  private constructor(child: ChildProcess, socket: WebSocket) {
    this.#child = child
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('message', (data) => {
      const frame = fromServerSchema.parse(JSON.parse(String(data)))
      if ('event' in frame) this.#hear(frame)
      else this.#waiting.get(frame.id)?.(frame.reply)
    })
  }

  async ask<R extends Route>(route: R, input: RequestInput<R>): Promise<RequestOutput<R>> {
    const id = ++this.#id
    const reply = await new Promise<Reply<unknown>>((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, route, input }))
    })
    if (!reply.ok) throw AppError.fromJSON(reply.error)
    // The contract test holds every answer to its schema.
    return reply.data as RequestOutput<R>
  }

  #hear({ event, payload }: AppEvent): void {
    if (event !== 'run.metrics') return
    if (payload.batches === null) return void this.#told.delete(payload.runId)
    const points = this.#told.get(payload.runId) ?? new Map<number, number>()
    this.#told.set(payload.runId, points)
    for (const { step, values } of payload.batches)
      if (values['train_loss'] !== undefined) points.set(step, values['train_loss'])
  }

  /** What a window has been told of a run's curve. */
  points(id: string): Map<number, number> {
    return new Map(this.#told.get(id))
  }

  /** The engine's process, as the run's folder or, before that, the system says. */
  async engineOf(dir: string): Promise<number | undefined> {
    const record = recordOf(dir)
    if (record?.status === 'running') return record.pid
    const { pid } = this.#child
    const children = pid === undefined ? '' : readText(`/proc/${pid}/task/${pid}/children`)
    const [first] = children.split(' ').filter(Boolean).map(Number)
    return first
  }

  async kill(): Promise<void> {
    const gone = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    this.#socket.terminate()
    await gone
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill()
  }

  /** Waits until the run has ended and nothing of it lives. */
  async atRest(id: string): Promise<string[]> {
    const until = Date.now() + REST_MS
    while (Date.now() < until) {
      const { run, transitions } = await this.ask('runs.get', { id })
      const told = transitions.at(-1)
      if (hasEnded(run.status) && told?.to === run.status && !processInfo(run.pid).alive) return []
      await pause(50)
    }
    const { run, transitions } = await this.ask('runs.get', { id })
    return [`${REST_MS / 1000} s later it is ${run.status}, and its history ends with ${transitions.at(-1)?.to}`]
  }

  async missing(ids: readonly string[]): Promise<string[]> {
    const { runs } = await this.ask('runs.list', {})
    const listed = new Map(runs.map((run) => [run.id, run]))
    return ids.flatMap((id) => {
      const run = listed.get(id)
      if (run === undefined) return [`the run ${id} is gone`]
      return isActive(run.status) && !processInfo(run.pid).alive ? [`the run ${id} reads ${run.status}`] : []
    })
  }

  async missingPoints(id: string, told: ReadonlyMap<number, number>): Promise<string[]> {
    const { series } = await this.ask('history.query', { runs: [id], metrics: ['train_loss'], buckets: 10_000 })
    const kept = new Map(series.flatMap(({ x, y }) => x.map((step, i) => [step, y[i]] as const)))
    const gone = [...told].filter(([step, loss]) => kept.get(step) !== loss)
    return gone.length === 0 ? [] : [`${gone.length} of ${told.size} published figures are not in the history`]
  }

  /** The run is taken up again and measures on; then it is stopped. */
  async goesOn(id: string, dir: string): Promise<string[]> {
    await this.ask('runs.resume', { id, place: 'now' })
    const until = Date.now() + REST_MS
    while (recordOf(dir)?.status !== 'running' || this.points(id).size === 0) {
      if (Date.now() > until) return [`it does not go on: it is ${recordOf(dir)?.status} (${recordOf(dir)?.reason})`]
      await pause(20)
    }
    await this.ask('runs.stop', { id })
    const rest = await this.atRest(id)
    const status = recordOf(dir)?.status
    return status === 'stopped' ? rest : [...rest, `stopped, it is ${status}`]
  }
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
