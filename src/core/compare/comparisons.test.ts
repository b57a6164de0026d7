import fs from 'node:fs'
import path from 'node:path'
import { parquetWriteFile } from 'hyparquet-writer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AppEvent } from '../../shared/api/events'
import type { PairedQuery } from '../../shared/domain/compare'
import { childProcessSpawner } from '../engine/childProcessSpawner'
import { openStore, type Store } from '../store/openStore'
import { newRun, temporaryFolder } from '../store/testing/storeFixture'
import { buildCli, ENGINE } from '../testing/workspace'
import { Comparisons } from './comparisons'
import { predictionsFile } from './comparison'

let store: Store
const { dir, remove } = temporaryFolder()
const USERS = 2_000

beforeAll(() => {
  buildCli()
  store = openStore({ dir: undefined })
  for (const [id, every] of [
    ['a', 2],
    ['b', 3],
  ] as const) {
    const file = predictionsFile(path.join(dir, id), 'test')
    fs.mkdirSync(path.dirname(file), { recursive: true })
    const pairs = Array.from({ length: USERS }, (_, user) => user)
    parquetWriteFile({
      filename: file,
      columnData: [
        { name: 'u_id', data: pairs.map((user) => `u${user}`), type: 'STRING' },
        { name: 'id', data: pairs.map(String), type: 'STRING' },
        { name: 'z', data: pairs.map((user) => (user % every === 0 ? 1 : -1)), type: 'FLOAT' },
      ],
    })
    store.runs.create(newRun({ id, exp_version: id, dir: path.join(dir, id) }))
  }
})
afterAll(() => {
  store.close()
  remove()
})

/** Minutes of work, unless somebody ends it. */
const LONG: PairedQuery = {
  reference: ['a'],
  others: Array.from({ length: 200 }, () => ['b']),
  split: 'test',
  resamples: 100_000,
  ticket: 'page',
}

function comparisons(publish: (event: AppEvent) => void): Comparisons {
  return new Comparisons({ spawner: childProcessSpawner(ENGINE), publish, closing: new AbortController().signal })
}

test('a comparison goes on when its page is left, or nobody hears how far it is', async () => {
  const heard: AppEvent[] = []
  let first: () => void
  const begun = new Promise<void>((resolve) => (first = resolve))
  const all = comparisons((event) => {
    heard.push(event)
    first()
  })
  const left = expect(all.paired(store, LONG)).rejects.toMatchObject({ code: 'stopped' })
  await begun
  all.cancel('page')
  await left
  expect(heard[0]).toEqual({ event: 'compare.work', payload: { ticket: 'page', done: 0, total: 200 } })
})

test('two questions of one page are worked on at once, or the later one is ended with the earlier', async () => {
  const all = comparisons(() => {})
  const earlier = expect(all.paired(store, LONG)).rejects.toMatchObject({ code: 'stopped' })
  const { others } = await all.paired(store, { ...LONG, others: [['b'], ['a']], resamples: 100 })
  await earlier
  expect(others).toMatchObject([
    { pairs: USERS, accuracy: { reference: 1 / 2, other: 667 / USERS }, verdict: 'worse' },
    { difference: { value: 0 }, verdict: 'undecided' },
  ])
})

test('of questions that are one piece of work each counts from nothing, or a cancelled one goes on with the next', async () => {
  const heard: number[] = []
  const all = comparisons(({ event, payload }) => {
    if (event !== 'compare.work') return
    expect(payload).toMatchObject({ ticket: 'report', total: 100 })
    heard.push(payload.done)
  })
  const query: PairedQuery = { reference: ['a'], others: [['b'], ['a']], split: 'test', resamples: 100 }
  await all.together(store, 'report', async (ask) => {
    await ask.paired(query, [0, 50])
    await ask.paired(query, [50, 100])
  })
  // An engine tells at most ten times a second: those between may be left out.
  expect(heard.filter((done) => ![25, 75].includes(done))).toEqual([0, 50])
  expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b))
  let asked = 0
  const cancelled = all.together(store, 'report', async (ask) => {
    asked++
    all.cancel('report')
    await ask.paired(query)
    asked++
  })
  await expect(cancelled).rejects.toMatchObject({ code: 'stopped' })
  expect(asked).toBe(1)
  // What has no question left is not handed over either.
  const late = all.together(store, 'report', async () => all.cancel('report'))
  await expect(late).rejects.toMatchObject({ code: 'stopped' })
})
