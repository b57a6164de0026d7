import { expect, test } from 'vitest'
import { HeldEngines, type Holding } from './heldEngine'
import { memorySpawner } from './memorySpawner'

test('a question that comes after the end starts an engine that nobody ends', async () => {
  let started = 0
  const engines = new HeldEngines<string, string>(
    memorySpawner(({ say, listen }) => {
      started++
      listen((frame) => {
        if (Object(frame).type === 'ask') say({ type: 'told', id: Object(frame).id, answer: { type: 'pair' } })
      })
      say({ type: 'ready' })
    }),
  )
  const holding = (): Holding<string, string> => ({
    open: { type: 'list_backends', names: ['cpu'] },
    ask: (id) => ({ type: 'ask', id, question: { type: 'table', split: 'test' } }),
    told: () => ({ id: 0, answer: 'told' }),
    what: 'run',
  })
  const asked = engines.ask('a', '1', holding, 'what?')
  engines.close()
  await expect(asked).rejects.toMatchObject({ code: 'stopped' })
  expect(started).toBe(1)
  await expect(engines.ask('a', '1', holding, 'what?')).rejects.toMatchObject({ code: 'stopped' })
  await expect(engines.ask('b', '1', holding, 'what?')).rejects.toMatchObject({ code: 'stopped' })
  expect(started).toBe(1)
})

const ANSWER = { type: 'error', error: { code: 'usage', message: 'quick', details: {} } }

/** Engines that answer a question with its own text, those about `slow` things only when they are told to. */
function slowly() {
  const log: string[] = []
  const engines = new HeldEngines<string, string>(
    memorySpawner(({ say, listen }) => {
      listen((frame) => {
        const { type, id, question } = Object(frame)
        if (type === 'drop') log.push(`dropped ${id}`)
        if (type === 'ask' && Object(question).split === 'test') say({ type: 'told', id, answer: ANSWER })
      })
      say({ type: 'ready' })
    }),
  )
  const holding = (): Holding<string, string> => ({
    open: { type: 'list_backends', names: ['cpu'] },
    ask: (id, split) => ({ type: 'ask', id, question: { type: 'table', split: split === 'slow' ? 'dev' : 'test' } }),
    drop: (id) => ({ type: 'drop', id }),
    told: (frame) => (frame.type === 'told' ? { id: frame.id, answer: 'told' } : undefined),
    what: 'run',
  })
  return {
    log,
    ask: (key: string, what: string, stop?: AbortSignal) =>
      engines.ask(key, '1', holding, what, { ...(stop && { stop }) }),
    engines,
  }
}

test('an engine that somebody waits for goes before one that nobody does', async () => {
  const { ask, engines } = slowly()
  let ended = 'not yet'
  const busy = ask('a', 'slow').catch((error: unknown) => (ended = Object(error).code))
  // Nobody waits for b any more when c comes, though a was asked before.
  expect(await ask('b', 'quick')).toBe('told')
  expect(await ask('c', 'quick')).toBe('told')
  expect(ended).toBe('not yet')
  // Where all are waited for, the oldest goes, and is not called cancelled: nobody has cancelled it.
  const later = ask('c', 'slow').catch(() => 'closed')
  const last = ask('d', 'slow').catch(() => 'closed')
  await busy
  expect(ended).toBe('engine_crashed')
  engines.close()
  expect(await Promise.all([later, last])).toEqual(['closed', 'closed'])
})

test('who waits no longer is answered, or their engine goes on for nobody', async () => {
  const { ask, engines, log } = slowly()
  const stop = new AbortController()
  const left = ask('a', 'slow', stop.signal)
  expect(await ask('a', 'quick')).toBe('told')
  stop.abort()
  await expect(left).rejects.toMatchObject({ code: 'stopped' })
  expect(await ask('a', 'quick')).toBe('told')
  expect(log).toEqual(['dropped 0'])
  await expect(ask('a', 'slow', stop.signal)).rejects.toMatchObject({ code: 'stopped' })
  engines.close()
})
