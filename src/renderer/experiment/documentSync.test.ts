import { expect, test } from 'vitest'
import type { CheckedDocument } from '../../shared/domain/experiment'
import { DocumentSync, type Changes, type FormValue } from './documentSync'

const answer = (yaml: string): CheckedDocument => ({
  yaml,
  readable: true,
  values: {},
  problems: [],
  warnings: [],
  plan: null,
})

/** A core whose answers are given when the test says so; it writes changes at the end of the text. */
function scene() {
  const questions: { yaml: string; changes: Changes; settle: (refuse?: Error) => void }[] = []
  const state = { text: 'a', checked: '', errors: [] as unknown[], idle: 0 }
  const sync = new DocumentSync<FormValue, CheckedDocument>({
    check: (yaml, changes) =>
      new Promise((resolve, reject) => {
        const added = Object.entries(changes).map(([key, value]) => `|${key}=${value}`)
        questions.push({
          yaml,
          changes,
          settle: (refuse) => (refuse ? reject(refuse) : resolve(answer(yaml + added.join('')))),
        })
      }),
    text: () => state.text,
    written: (yaml) => (state.text = yaml),
    checked: ({ yaml }) => (state.checked = yaml),
    failed: (error) => state.errors.push(error),
    idle: () => state.idle++,
  })
  const next = async (refuse?: Error) => {
    await expect.poll(() => questions.length).toBeGreaterThan(0)
    questions.shift()!.settle(refuse)
    await new Promise((resolve) => setTimeout(resolve))
  }
  return { state, sync, next, questions }
}

test('a change of the form is lost while the text is edited, or made twice', async () => {
  const { state, sync, next, questions } = scene()
  sync.change({ x: 1 })
  state.text = 'ab'
  sync.edited()
  await next()
  expect(state).toMatchObject({ text: 'ab', checked: '' })
  await next()
  expect(state).toMatchObject({ text: 'ab|x=1', checked: 'ab|x=1' })
  expect(sync.waiting.size).toBe(0)
  expect(questions).toHaveLength(0)
  expect(state.idle).toBe(1)
})

test('every keystroke asks a question of its own, or the last one none', async () => {
  const { state, sync, next, questions } = scene()
  for (const value of [1, 2, 3]) sync.change({ x: value })
  expect(questions).toHaveLength(1)
  await next()
  expect(questions[0]?.changes).toEqual({ x: 3 })
  await next()
  expect(state.text).toBe('a|x=1|x=3')
  expect(questions).toHaveLength(0)
})

test('a change that is refused is asked for without end', async () => {
  const { state, sync, next, questions } = scene()
  sync.change({ x: 1 })
  await next(new Error('no'))
  expect(state.errors).toHaveLength(1)
  expect(sync.waiting.size).toBe(0)
  expect(questions).toHaveLength(0)
  expect(sync.busy).toBe(false)
})

test('another document takes changes of the old one', async () => {
  const { state, sync, next } = scene()
  sync.change({ x: 1 })
  state.text = 'new'
  sync.replaced()
  await next()
  await next()
  expect(state).toMatchObject({ text: 'new', checked: 'new' })
})
