import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../data/dataFixture'
import { SplitThreads } from './splitThreads'
import type { SplitGiven, SplitTask } from './splitWork'

const given: SplitGiven = {
  split: {
    name: 'test',
    pairs: 0,
    users: new Int32Array(),
    prompts: new Int32Array(),
    chosen: new Int32Array(),
    rejected: new Int32Array(),
  },
  ...{ trainedUsers: 0, promptSeen: new Uint8Array(), rivals: [], categories: [], resamples: 1 },
  keys: { users: [], ids: [] },
}
const task: SplitTask = {
  z: new Float32Array(),
  rivals: [],
  leak: { leaks: false, acc_shift: 0, max_difference: 0 },
  checkpoint: { name: 'best', epochs: 1, steps: 1 },
}

/** Threads that do this with each message. */
function threads(count: number, onMessage: string): SplitThreads {
  const file = path.join(temporaryFolder(), 'thread.mjs')
  fs.writeFileSync(
    file,
    `import { parentPort } from 'node:worker_threads'
     parentPort.on('message', (message) => { ${onMessage} })`,
  )
  return new SplitThreads(count, file)
}

test.each([
  ['throw new Error("broken")', 'A thread that evaluates runs failed'],
  ['process.exit(3)', 'A thread that evaluates runs ended too early'],
])('a thread that does `%s` is waited for for ever', async (what, message) => {
  const pool = threads(1, what)
  const asked = [pool.do('a', given, task), pool.do('a', given, task)]
  for (const one of asked) await expect(one).rejects.toMatchObject({ code: 'internal', message })
  await expect(pool.do('a', given, task)).rejects.toMatchObject({ code: 'internal', message })
  await pool.close()
})

test('an error of a task loses its code, or is given to another task', async () => {
  const pool = threads(
    1,
    `const error = { code: 'unwritable', message: message.key, details: { file: '/x' } }
     parentPort.postMessage(message.key === 'b' ? { error } : { evaluation: message.key })`,
  )
  const [a, b, c] = ['a', 'b', 'c'].map((key) => pool.do(key, given, task))
  await expect(a).resolves.toBe('a')
  await expect(b).rejects.toMatchObject({ code: 'unwritable', message: 'b', details: { file: '/x' } })
  await expect(c).resolves.toBe('c')
  await pool.close()
})

test('a thread is told of a split again and again, or more start than may', async () => {
  const pool = threads(
    2,
    `import('node:worker_threads').then(({ threadId }) =>
       parentPort.postMessage({ evaluation: [threadId, message.given !== undefined] }))`,
  )
  const answers = await Promise.all(Array.from({ length: 6 }, () => pool.do('a', given, task)))
  await pool.close()
  const told = answers.map((answer) => JSON.stringify(answer))
  expect(new Set(told).size).toBe(4)
  expect(told.filter((answer) => answer.endsWith('true]'))).toHaveLength(2)
})

test('where the program is not built, threads are promised', () => {
  expect(new SplitThreads(4, path.join(temporaryFolder(), 'nothing.js')).any).toBe(false)
})
