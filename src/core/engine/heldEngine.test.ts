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
