import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PROTOCOL_VERSION } from '../../shared/api/engineProtocol'
import { childProcessSpawner } from './childProcessSpawner'
import { memorySpawner, type MemoryPort } from './memorySpawner'
import type { EngineExit, EngineProcess, EngineSpawner } from './spawner'

/**
 * An engine that does what it is told by the `command` of a train frame's stand-in; the same behaviour as source text for a
 * process and as a function in memory. (The utility process passes the same cases inside Electron: e2e/engine.spec.ts.)
 */
const behave = (port: MemoryPort): void => {
  port.listen((frame) => {
    const { seq } = Object(frame)
    if (seq === 1) port.say({ type: 'echo', frame })
    if (seq === 2) {
      for (let n = 0; n < 100; n++) port.say({ type: 'count', n })
      port.exit({ code: 0 })
    }
    if (seq === 3) port.exit({ code: 7, stderr: 'last words\n' })
  })
  port.say({ type: 'ready', odd: NaN })
}

const SOURCE = `
process.on('message', (frame) => {
  const say = (more, then) => process.send({ v: ${PROTOCOL_VERSION}, ...more }, then)
  const { seq } = frame
  if (seq === 1) say({ type: 'echo', frame })
  if (seq === 2) {
    for (let n = 0; n < 99; n++) say({ type: 'count', n })
    say({ type: 'count', n: 99 }, () => process.exit(0))
  }
  if (seq === 3) { process.stderr.write('last words\\n', () => process.exit(7)) }
})
process.send({ v: ${PROTOCOL_VERSION}, type: 'ready', odd: NaN })
`

let folder: string
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-spawner-'))
  fs.writeFileSync(path.join(folder, 'engine.cjs'), SOURCE)
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const SPAWNERS: [string, () => EngineSpawner][] = [
  ['in memory', () => memorySpawner(behave)],
  ['in a child process', () => childProcessSpawner(path.join(folder, 'engine.cjs'))],
]

interface Watched {
  engine: EngineProcess
  frames: Record<string, unknown>[]
  ready: Promise<unknown>
  exit: Promise<EngineExit>
  exits: EngineExit[]
}

function watch(engine: EngineProcess): Watched {
  const frames: Record<string, unknown>[] = []
  const exits: EngineExit[] = []
  let heard: (value: unknown) => void = () => {}
  const ready = new Promise((resolve) => (heard = resolve))
  engine.onFrame((frame) => {
    frames.push(Object(frame))
    heard(frame)
  })
  const exit = new Promise<EngineExit>((resolve) =>
    engine.onExit((how) => {
      exits.push(how)
      resolve(how)
    }),
  )
  return { engine, frames, ready, exit, exits }
}

describe.for(SPAWNERS)('an engine %s', ([name, spawner]) => {
  test('gets frames without a version, or loses NaN on the way', async () => {
    const { engine, frames, ready, exit } = watch(spawner().spawn())
    await ready
    expect(frames[0]).toEqual({ v: PROTOCOL_VERSION, type: 'ready', odd: NaN })
    engine.send({ type: 'ack', seq: 1 })
    await expect
      .poll(() => frames[1])
      .toEqual({
        v: PROTOCOL_VERSION,
        type: 'echo',
        frame: { v: PROTOCOL_VERSION, type: 'ack', seq: 1 },
      })
    engine.kill()
    await exit
  })

  test('ends before its last frames are there, or out of order', async () => {
    const { engine, frames, ready, exit } = watch(spawner().spawn())
    await ready
    engine.send({ type: 'ack', seq: 2 })
    expect(await exit).toEqual({ code: 0, signal: null, stderr: '' })
    expect(frames.slice(1).map(({ n }) => n)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })

  test('hides its exit code or its last words', async () => {
    const { engine, ready, exit } = watch(spawner().spawn())
    await ready
    engine.send({ type: 'ack', seq: 3 })
    expect(await exit).toEqual({ code: 7, signal: null, stderr: 'last words\n' })
  })

  test('that is killed hides the signal, ends twice, or throws at what is sent to it afterwards', async () => {
    const { engine, ready, exit, exits } = watch(spawner().spawn())
    await ready
    engine.kill()
    expect(await exit).toMatchObject({ code: null, signal: 'SIGKILL' })
    engine.send({ type: 'stop' })
    engine.kill()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(exits).toHaveLength(1)
  })

  test('that is a process has no number to find it by', () => {
    const { engine } = watch(spawner().spawn())
    expect(typeof engine.pid).toBe(name === 'in memory' ? 'undefined' : 'number')
    engine.kill()
  })
})

test('frames in memory share objects between the two sides', async () => {
  const sent = { type: 'validate' as const, data: Object({ dts_name: 'a' }) }
  let got: unknown
  const { engine, exit } = watch(memorySpawner((port) => port.listen((frame) => (got = frame))).spawn())
  engine.send(sent)
  await expect.poll(() => got).toBeDefined()
  sent.data.dts_name = 'changed'
  expect(got).toMatchObject({ data: { dts_name: 'a' } })
  engine.kill()
  await exit
})
