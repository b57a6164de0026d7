import { expect, test } from 'vitest'
import { readOptions } from './options'
import type { Question } from './question'
import { runQuestions } from './runQuestions'

const setting = { quick: true, pairs: 1, folder: '/nonexistent', say: () => {} }
const idle = async (): Promise<{ average: number; busy: number }> => ({ average: 0, busy: 0 })
const question = (name: string, run: Question['run']): Question => ({ name, title: `${name}?`, run })

test('a question that throws takes the others with it', async () => {
  const seen: string[] = []
  const answers = await runQuestions(
    [
      question('first', async () => {
        throw new TypeError('no such thing')
      }),
      question('second', async () => [{ what: 'a figure', unit: 'ms', ours: 1 }]),
    ],
    setting,
    ({ question: name }) => seen.push(name),
    idle,
  )
  expect(seen).toEqual(['first', 'second'])
  expect(answers[0]?.rows).toEqual([
    { what: 'first?', unit: '', missing: 'no such thing', failed: true, reached: 'failed' },
  ])
  expect(answers[1]?.rows[0]).toMatchObject({ ours: 1, reached: '–' })
})

test('what others did while a question was measured goes unseen', async () => {
  const looks = [0.1, 0.9, 0.8, 0.2].map((busy) => ({ average: busy, busy }))
  const answers = await runQuestions(
    [question('a', async () => []), question('b', async () => [])],
    setting,
    () => {},
    async () => looks.shift()!,
  )
  expect(answers.map(({ load }) => load.busy)).toEqual([0.9, 0.8])
})

test('flags are misread, or a mistyped question passes for one that was asked', () => {
  const names = ['epoch', 'start']
  expect(readOptions([], names)).toMatchObject({ only: names, pairs: 5, quick: false })
  expect(readOptions(['--quick', '--only', 'start'], names)).toMatchObject({ only: ['start'], pairs: 1, quick: true })
  expect(readOptions(['--quick', '--pairs', '7'], names).pairs).toBe(7)
  expect(() => readOptions(['--only', 'epochs'], names)).toThrow(/no question "epochs".*epoch, start/)
  for (const pairs of ['0', '1.5', 'many']) expect(() => readOptions(['--pairs', pairs], names)).toThrow(/--pairs/)
})
