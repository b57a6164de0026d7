import type { z } from 'zod'
import type { AppEvent } from '../api/events'
import { requests, type Reply, type Route } from '../api/requests'
import type { ErrorCode } from '../errors'

/** A door to core: in process, over a WebSocket, or through Electron's preload. */
export interface Door {
  ask(route: string, input: unknown): Promise<Reply<unknown>>
  /** Events that have come in so far, in order. */
  events(): Promise<readonly AppEvent[]>
  /** Lets some milliseconds pass. */
  pause(ms: number): Promise<void>
}

/** A folder with `configs/data_configs.yaml` that has the sections `small` (sound) and `absent` (files missing). */
export interface ContractFiles {
  dts_config_file: string
  config_file: string
}

interface Case {
  title: string
  route: string
  input: (known: Known) => unknown
  /** The code of the error that is wanted; without one the answer must be good and parse by the route's schema. */
  error?: ErrorCode
  /** Looks at the answer; a sentence when something is wrong with it. */
  check?: (data: Record<string, unknown>, known: Known) => string | undefined
}

/** What earlier cases have learned. */
interface Known {
  queued: string
  clone: string
  started: string
}

const says = (ok: boolean, sentence: string): string | undefined => (ok ? undefined : sentence)
const idsOf = (value: unknown): unknown[] => (Array.isArray(value) ? value.map((one) => Object(one).id) : [])

/** Everything that every door must do alike: each route once in good order, and every way to be refused. */
function cases(files: ContractFiles): Case[] {
  const experiment = (more: object = {}) => ({
    ...files,
    dts_name: 'small',
    exp_name: 'contract',
    changes: { 'trainer.max_epochs': 4 },
    ...more,
  })
  return [
    { title: 'says who it is', route: 'app.info', input: () => ({}) },
    {
      title: 'pauses the queue',
      route: 'queue.set',
      input: () => ({ paused: true, restarts: 1 }),
      check: ({ settings }) => says(Object(settings).paused === true && Object(settings).restarts === 1, 'not set'),
    },
    {
      title: 'queues an experiment',
      route: 'runs.queue',
      input: () => ({ experiment: experiment() }),
      check: ({ id }, known) => void (known.queued = String(id)),
    },
    {
      title: 'lists it at once, as queued',
      route: 'runs.list',
      input: () => ({}),
      check: ({ runs }, { queued }) =>
        says(
          Array.isArray(runs) && runs.some((run) => Object(run).id === queued && Object(run).status === 'queued'),
          'the queued run is not listed',
        ),
    },
    {
      title: 'tells of its life so far',
      route: 'runs.get',
      input: ({ queued }) => ({ id: queued }),
      check: ({ transitions }) => says(Array.isArray(transitions) && transitions.length === 1, 'not one transition'),
    },
    {
      title: 'has it in the queue',
      route: 'queue.get',
      input: () => ({}),
      check: ({ waiting }, { queued }) => says(idsOf(waiting).includes(queued), 'not in the queue'),
    },
    {
      title: 'reorders',
      route: 'queue.reorder',
      input: ({ queued }) => ({ ids: [queued] }),
      check: ({ waiting }, { queued }) => says(idsOf(waiting)[0] === queued, 'not the first'),
    },
    {
      title: 'tags',
      route: 'runs.annotate',
      input: ({ queued }) => ({ id: queued, addTags: ['a tag'], note: 'ü <b>' }),
      check: ({ tags, note }) => says(JSON.stringify([tags, note]) === '[["a tag"],"ü <b>"]', 'other tags or note'),
    },
    {
      title: 'takes it out of the queue',
      route: 'runs.stop',
      input: ({ queued }) => ({ id: queued }),
      check: ({ status }) => says(status === 'stopped', 'not stopped'),
    },
    {
      title: 'puts it back',
      route: 'runs.resume',
      input: ({ queued }) => ({ id: queued, changes: { 'trainer.max_epochs': 5 } }),
      check: ({ status }) => says(status === 'queued', 'not queued'),
    },
    {
      title: 'clones it with changes',
      route: 'runs.clone',
      input: ({ queued }) => ({ id: queued, changes: { 'caimira.n_dim': 3, 'trainer.max_epochs': 2 } }),
      check: ({ id }, known) => void (known.clone = String(id)),
    },
    {
      title: 'deletes a run that waits',
      route: 'runs.delete',
      input: ({ clone }) => ({ id: clone }),
      error: 'usage',
    },
    { title: 'stops the clone', route: 'runs.stop', input: ({ clone }) => ({ id: clone }) },
    {
      title: 'purges a run that is not in the trash',
      route: 'runs.purge',
      input: ({ clone }) => ({ id: clone }),
      error: 'usage',
    },
    {
      title: 'puts a run into the trash',
      route: 'runs.delete',
      input: ({ clone }) => ({ id: clone }),
      check: ({ trashDir }) => says(typeof trashDir === 'string', 'no place in the trash'),
    },
    {
      title: 'lists no deleted run',
      route: 'runs.list',
      input: () => ({}),
      check: ({ runs }, { clone }) => says(!idsOf(runs).includes(clone), 'the deleted run is listed'),
    },
    {
      title: 'takes it out again',
      route: 'runs.restore',
      input: ({ clone }) => ({ id: clone }),
      check: ({ dir }) => says(typeof dir === 'string', 'no folder'),
    },
    {
      title: 'lists a restored run',
      route: 'runs.list',
      input: () => ({}),
      check: ({ runs }, { clone }) => says(idsOf(runs).includes(clone), 'the restored run is not listed'),
    },
    { title: 'deletes it again', route: 'runs.delete', input: ({ clone }) => ({ id: clone }) },
    {
      title: 'purges it, and says what that has freed',
      route: 'runs.purge',
      input: ({ clone }) => ({ id: clone }),
      check: ({ bytes }) => says(Number(bytes) > 0, 'nothing freed'),
    },
    {
      title: 'knows a purged run',
      route: 'runs.restore',
      input: ({ clone }) => ({ id: clone }),
      error: 'not_found',
    },
    {
      title: 'starts an experiment at once, past the pause',
      route: 'runs.start',
      input: () => ({ experiment: experiment({ exp_version: 'now' }) }),
      check: ({ id }, known) => void (known.started = String(id)),
    },
    { title: 'lists data sets', route: 'datasets.list', input: () => ({ dts_config_file: files.dts_config_file }) },
    {
      title: 'checks a data set',
      route: 'datasets.validate',
      input: () => ({ dts_name: 'small', dts_config_file: files.dts_config_file }),
      check: ({ problems }) => says(Array.isArray(problems) && problems.length === 0, 'problems in a sound data set'),
    },
    {
      title: 'reads curves of runs it knows and names those it does not',
      route: 'history.query',
      input: ({ queued }) => ({ runs: [queued, 'no such run'], metrics: [] }),
      check: ({ unknown }) => says(JSON.stringify(unknown) === '["no such run"]', 'other unknown runs'),
    },

    ...['runs.nothing', '', '__proto__', 'constructor', 'toString', 'runs.list '].map((route) => ({
      title: `has no route ${JSON.stringify(route)}`,
      route,
      input: () => ({}),
      error: 'unknown_route' as const,
    })),
    ...Object.keys(requests).flatMap((route) =>
      [5, 'text', [1], { surprise: 1 }].map((input) => ({
        title: `${route} takes ${JSON.stringify(input)}`,
        route,
        input: () => input,
        error: 'usage' as const,
      })),
    ),
    ...Object.keys(requests)
      .filter((route) => /^runs\.(get|stop|resume|clone|annotate|delete|restore|purge)$/.test(route))
      .map((route) => ({
        title: `${route} of a run that is not there`,
        route,
        input: () => ({ id: '../../etc/passwd' }),
        error: 'not_found' as const,
      })),
    ...['x'.repeat(201), ''].map((id) => ({
      title: 'takes an id of any length',
      route: 'runs.get',
      input: () => ({ id }),
      error: 'usage' as const,
    })),
    {
      title: 'queues a data set that is not there',
      route: 'runs.queue',
      input: () => ({ experiment: experiment({ dts_name: 'nothing' }) }),
      error: 'config_invalid',
    },
    {
      title: 'queues a name that climbs out of the log folder',
      route: 'runs.queue',
      input: () => ({ experiment: experiment({ exp_name: '../../outside' }) }),
      error: 'config_invalid',
    },
    {
      title: 'clones with a key that nothing knows',
      route: 'runs.clone',
      input: ({ queued }) => ({ id: queued, changes: { 'trainer.lerning_rate': 1 } }),
      error: 'config_invalid',
    },
    {
      title: 'clones through the prototype',
      route: 'runs.clone',
      input: ({ queued }) => ({
        id: queued,
        changes: { '__proto__.polluted': 1, 'constructor.prototype.polluted': 1 },
      }),
      error: 'config_invalid',
      check: () => says(!('polluted' in {}), 'the prototype was changed'),
    },
    {
      title: 'resumes what waits',
      route: 'runs.resume',
      input: ({ queued }) => ({ id: queued }),
      error: 'usage',
    },
    {
      title: 'reorders what does not wait',
      route: 'queue.reorder',
      input: () => ({ ids: ['no such run'] }),
      error: 'usage',
    },
    {
      title: 'sets a limit of none',
      route: 'queue.set',
      input: () => ({ concurrency: 0 }),
      error: 'usage',
    },
  ]
}

/** How long the run of the contract may take: an engine's start and four epochs of 160 pairs, on a busy machine. */
const RUN_MS = 60_000

/**
 * Runs every case through a door.
 *
 * @returns what went wrong, one sentence each; empty when the contract holds
 */
export async function checkContract(door: Door, files: ContractFiles): Promise<string[]> {
  const findings: string[] = []
  const known: Known = { queued: '', clone: '', started: '' }
  const asked = new Set<string>()
  for (const { title, route, input, error, check } of cases(files)) {
    const reply = await door.ask(route, input(known))
    const found = reply.ok ? good(route, error, reply.data) : bad(error, reply.error)
    const data: Record<string, unknown> = reply.ok ? Object(reply.data) : {}
    const wrong = found ?? check?.(data, known)
    if (wrong !== undefined) findings.push(`${route}: ${title}: ${wrong}`)
    if (error === undefined) asked.add(route)
  }
  for (const route of Object.keys(requests))
    if (!asked.has(route)) findings.push(`${route}: no case asks it in good order`)
  return [...findings, ...(await followed(door, known.started))]
}

function good(route: string, wanted: ErrorCode | undefined, data: unknown): string | undefined {
  if (wanted !== undefined) return `answered in good order, not with ${wanted}`
  if (!isRoute(route)) return 'an unknown route has an answer'
  const output: z.ZodType = requests[route].output
  const parsed = output.safeParse(data)
  return parsed.success ? undefined : `the answer is not what the route promises: ${parsed.error.message}`
}

function bad(wanted: ErrorCode | undefined, error: { code: string; message: string }): string | undefined {
  if (wanted === undefined) return `refused: ${error.code} ${error.message}`
  if (error.code !== wanted) return `refused with ${error.code}, not ${wanted}: ${error.message}`
  return says(!/\n\s+at /.test(JSON.stringify(error)), 'the error shows a stack')
}

function isRoute(route: string): route is Route {
  return Object.hasOwn(requests, route)
}

/** The started run is followed by its events: numbers without a gap, and every change of its status. */
async function followed(door: Door, id: string): Promise<string[]> {
  const until = Date.now() + RUN_MS
  let statuses: string[] = []
  let events: readonly AppEvent[] = []
  while (!statuses.includes('finished') && Date.now() < until) {
    await door.pause(50)
    events = await door.events()
    statuses = events.flatMap((one) =>
      one.event === 'run.status' && one.payload.runId === id ? [one.payload.status] : [],
    )
  }
  const findings: string[] = []
  if (statuses.join() !== 'running,finished') findings.push(`run.status told ${statuses.join()}, not running,finished`)
  let last: number | undefined
  let figures = 0
  for (const { event, payload } of events) {
    if (event !== 'run.metrics' || payload.runId !== id) continue
    if (last !== undefined && payload.first !== last + 1)
      findings.push(`run.metrics goes from ${last} to ${payload.first}`)
    last = payload.sequence
    figures += payload.batches?.length ?? 0
  }
  // Joined with the beginning, which replaces everything, figures are not repeated.
  if (last === undefined) findings.push('run.metrics told nothing')
  if (figures > 5) findings.push(`run.metrics told ${figures} moments of 5`)
  const reply = await door.ask('runs.get', { id })
  const { history, sequence, run } = reply.ok ? Object(reply.data) : { history: [], sequence: -1, run: {} }
  if (Object(run).status !== 'finished') findings.push(`the run reads ${Object(run).status} after its end`)
  if (!Array.isArray(history) || history.length !== 5) findings.push('the history does not hold 4 epochs and a test')
  if (Number(sequence) < Number(last)) findings.push(`the history has number ${sequence}, and ${last} was told`)
  return findings
}
