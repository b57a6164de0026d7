import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { PROTOCOL_VERSION, type FromEngine } from '../../shared/api/engineProtocol'
import { childProcessSpawner } from './childProcessSpawner'
import { CLOSING, runInEngine } from './runInEngine'
import type { EngineExit, EngineRequest, EngineSpawner } from './spawner'

const DATA = {
  dts_name: 'd',
  dts_path: '/',
  prefix_columns: [],
  train: { df_file: '/a', text_file: '/b', emb_file: '/c' },
}
const REQUEST: EngineRequest = { type: 'validate', data: DATA }
const REPORT = { problems: [], splits: [] }

/** An engine in memory, driven by the test. */
function fake(): {
  spawner: EngineSpawner
  sent: EngineRequest[]
  say: (frame: unknown) => void
  end: (exit?: Partial<EngineExit>) => void
  kill: ReturnType<typeof vi.fn<() => void>>
} {
  const sent: EngineRequest[] = []
  let frames: (frame: unknown) => void = () => {}
  let exits: (exit: EngineExit) => void = () => {}
  const end = (exit: Partial<EngineExit> = {}): void => exits({ code: 0, signal: null, stderr: '', ...exit })
  const kill = vi.fn<() => void>(() => end({ code: null, signal: 'SIGKILL' }))
  const spawner: EngineSpawner = {
    spawn: () => ({
      send: (request) => void sent.push(request),
      onFrame: (listener) => void (frames = listener),
      onExit: (listener) => void (exits = listener),
      kill,
    }),
  }
  return { spawner, sent, say: (frame) => frames({ v: PROTOCOL_VERSION, ...Object(frame) }), end, kill }
}

const never = new AbortController().signal

describe('an engine in memory', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('the request is sent before the engine listens, or the answer returned before it has ended', async () => {
    const { spawner, sent, say, end } = fake()
    const frames: FromEngine[] = []
    const answer = runInEngine(spawner, REQUEST, (frame) => frames.push(frame), never)
    expect(sent).toEqual([])
    say({ type: 'ready' })
    expect(sent).toEqual([REQUEST])
    say({ type: 'log', level: 'info', message: 'm' })
    say({ type: 'validation', report: REPORT })
    const settled = vi.fn()
    void answer.then(settled)
    await vi.advanceTimersByTimeAsync(0)
    expect(settled).not.toHaveBeenCalled()
    end()
    expect(await answer).toMatchObject({ type: 'validation', report: REPORT })
    expect(frames).toMatchObject([{ type: 'log', message: 'm' }])
  })

  test("the engine's own error is replaced by that of its exit", async () => {
    const { spawner, say, end } = fake()
    const answer = runInEngine(spawner, REQUEST, () => {}, never)
    say({ type: 'ready' })
    say({ type: 'error', error: { code: 'data_invalid', message: 'm', details: { file: 'f' } } })
    end({ code: 1 })
    await expect(answer).rejects.toMatchObject({ code: 'data_invalid', message: 'm', details: { file: 'f' } })
  })

  test.for<[Partial<EngineExit>, RegExp]>([
    [{ code: 134, stderr: 'a\nFATAL: heap out of memory\n' }, /ended with exit code 134 before it had finished/],
    [{ code: 0 }, /ended with exit code 0 before it had finished/],
    [{ code: null, signal: 'SIGSEGV' }, /ended by signal SIGSEGV/],
    [{ code: null, signal: 'SIGKILL' }, /was killed \(SIGKILL\).*run out of memory/],
    [{ code: null, signal: null, stderr: 'spawn ENOENT' }, /could not be started/],
  ])('a crash with %o is not told as one', async ([exit, message]) => {
    const { spawner, say, end } = fake()
    const answer = runInEngine(spawner, REQUEST, () => {}, never)
    say({ type: 'ready' })
    end(exit)
    await expect(answer).rejects.toMatchObject({ code: 'engine_crashed', message: expect.stringMatching(message) })
    await expect(answer).rejects.toMatchObject({
      details: exit.stderr ? { findings: exit.stderr.trim().split('\n') } : {},
    })
  })

  test('an engine that never gets ready is waited for without end', async () => {
    const { spawner, kill } = fake()
    const answer = runInEngine(spawner, REQUEST, () => {}, never)
    answer.catch(() => {})
    await vi.advanceTimersByTimeAsync(29_000)
    expect(kill).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(2_000)
    await expect(answer).rejects.toMatchObject({ code: 'engine_crashed', message: expect.stringContaining('30 s') })
  })

  test('a frame of another build is misread', async () => {
    for (const frame of [{ type: 'ready', v: 999 }, { type: 'unknown' }, 'text', null]) {
      const { spawner, say } = fake()
      const answer = runInEngine(spawner, REQUEST, () => {}, never)
      say(frame)
      await expect(answer).rejects.toMatchObject({ code: 'engine_protocol' })
    }
  })

  test('a stop is sent before the request, twice, or not at all', async () => {
    for (const early of [true, false]) {
      const { spawner, sent, say, end } = fake()
      const stop = new AbortController()
      const answer = runInEngine(spawner, REQUEST, () => {}, stop.signal)
      if (early) stop.abort()
      say({ type: 'ready' })
      stop.abort()
      expect(sent).toEqual([REQUEST, { type: 'stop' }])
      say({ type: 'validation', report: REPORT })
      end()
      await answer
    }
  })

  test('the end of the workbench is passed on as the wish of a person', async () => {
    const { spawner, sent, say, end } = fake()
    const stop = new AbortController()
    const answer = runInEngine(spawner, REQUEST, () => {}, stop.signal)
    say({ type: 'ready' })
    stop.abort(CLOSING)
    expect(sent).toEqual([REQUEST, { type: 'stop', why: 'closing' }])
    say({ type: 'validation', report: REPORT })
    end()
    await answer
  })

  test('an engine that does not stop is waited for without end, or called crashed', async () => {
    const { spawner, say, kill } = fake()
    const stop = new AbortController()
    const answer = runInEngine(spawner, REQUEST, () => {}, stop.signal)
    answer.catch(() => {})
    say({ type: 'ready' })
    stop.abort()
    await vi.advanceTimersByTimeAsync(19_000)
    expect(kill).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(2_000)
    await expect(answer).rejects.toMatchObject({ code: 'stopped', message: expect.stringContaining('20 s') })
  })
})

describe('an engine in a child process', () => {
  function script(source: string): string {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-engine-'))
    onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
    const file = path.join(folder, 'engine.cjs')
    fs.writeFileSync(file, `const say = (frame) => process.send({ v: ${PROTOCOL_VERSION}, ...frame })\n${source}`)
    return file
  }
  const run = (file: string): ReturnType<typeof runInEngine> =>
    runInEngine(childProcessSpawner(file), REQUEST, () => {}, never)

  test('a last frame is lost when the process ends right after it', async () => {
    const answer = `process.on('message', () => { say({ type: 'validation', report: { problems: [], splits: [] } }); process.disconnect() })`
    expect(await run(script(`${answer}\nsay({ type: 'ready' })`))).toMatchObject({ type: 'validation' })
  })

  test('what native code says before it dies is lost', async () => {
    const dying = `process.on('message', () => { process.stderr.write('last words\\n'); process.abort() }); say({ type: 'ready' })`
    await expect(run(script(dying))).rejects.toMatchObject({
      code: 'engine_crashed',
      message: expect.stringMatching(/SIGABRT|exit code/),
      details: { findings: expect.arrayContaining([expect.stringContaining('last words')]) },
    })
  })

  test('an engine that is not there crashes the caller', async () => {
    await expect(run(path.join(os.tmpdir(), 'delta-no-engine.cjs'))).rejects.toMatchObject({ code: 'engine_crashed' })
  })
})
