import { expect, test } from 'vitest'
import { RandomStream, fillNormal } from '../loop/random'
import { MOST_USERS, umapPlane } from './umapPlane'

const never = new AbortController().signal
const GROUP = 30

/** Three groups of users, far from each other in eight numbers. */
function groups(): Float32Array {
  const values = new Float32Array(3 * GROUP * 8)
  fillNormal(values, 0.3, new RandomStream(7, 'groups'))
  return values.map((value, at) => value + (at % 8 === Math.floor(at / 8 / GROUP) ? 6 : 0))
}

/** Of every user, whether somebody of another group is among the ten nearest on the map. */
function strangers({ x, y }: { x: number[]; y: number[] }): number {
  const users = Array.from(x.keys())
  const group = (user: number): number => Math.floor(user / GROUP)
  return users.filter((user) => {
    const distance = (other: number): number => Math.hypot(x[other]! - x[user]!, y[other]! - y[user]!)
    const near = users.filter((other) => other !== user).sort((a, b) => distance(a) - distance(b))
    return near.slice(0, 10).some((other) => group(other) !== group(user))
  }).length
}

test('UMAP tears apart users who are alike, or gives another map for the same vectors', async () => {
  const vectors = { dimensions: 8, values: groups() }
  const map = await umapPlane(vectors, never)
  expect(strangers(map)).toBe(0)
  expect(await umapPlane(vectors, never)).toEqual(map)
})

test('a number of large scale that tells nobody apart rules the map', async () => {
  // The last number is noise: a thousand times as large, it would hide the groups.
  const values = groups().map((value, at) => (at % 8 === 7 ? 1000 * value : value))
  expect(strangers(await umapPlane({ dimensions: 8, values }, never))).toBe(0)
})

test('few users, equal ones, or one number each end in NaN instead of a sentence or a map', async () => {
  await expect(umapPlane({ dimensions: 2, values: new Float32Array(8) }, never)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('4 users') as string,
  })
  for (const vectors of [
    { dimensions: 2, values: new Float32Array(2 * 12).fill(3) },
    { dimensions: 1, values: Float32Array.from({ length: 5 }, (_, user) => user) },
  ]) {
    const { x, y } = await umapPlane(vectors, never)
    expect([...x, ...y].every(Number.isFinite)).toBe(true)
  }
})

test('an engine that is to stop goes on drawing a large map', async () => {
  const values = new Float32Array(1_000 * 4)
  fillNormal(values, 1, new RandomStream(1, 'many'))
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 10)
  await expect(umapPlane({ dimensions: 4, values }, stop.signal)).rejects.toMatchObject({ code: 'stopped' })
})

test('an engine is deaf for the minutes that it takes to find the neighbours of very many users', async () => {
  const vectors = { dimensions: 2, values: new Float32Array(2 * (MOST_USERS + 1)) }
  await expect(umapPlane(vectors, new AbortController().signal)).rejects.toMatchObject({ code: 'usage' })
})
