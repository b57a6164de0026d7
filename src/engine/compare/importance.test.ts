import { expect, test } from 'vitest'
import { importanceOf } from './importance'

test('runs without the figure or a parameter count, or a text has a rank', async () => {
  const rows = [...Array(60).keys()]
  const rate = rows.map((row) => (row % 7 === 0 ? null : row))
  const model = rows.map((row) => row % 2)
  // The figure falls with the rate; runs without one are the best.
  const figure = rows.map((row) => (row % 11 === 0 ? null : rate[row] === null ? 1 : -row / 100))
  const work: number[] = []
  const found = await importanceOf(
    {
      fields: [
        { name: 'model_name', kind: 'category', values: model },
        { name: 'rate', kind: 'number', values: rate.map((value) => value ?? null) },
      ],
      figure,
    },
    new AbortController().signal,
    (done) => work.push(done),
  )
  expect(found.runs).toBe(figure.filter((value) => value !== null).length)
  expect(found.fields.map(({ name, rho }) => [name, rho])).toEqual([
    ['rate', -1],
    ['model_name', null],
  ])
  expect(found.explained).toBeGreaterThan(0.7)
  expect(work).toHaveLength(found.trees)
  const stopped = AbortSignal.abort()
  await expect(
    importanceOf({ fields: [{ name: 'a', kind: 'number', values: [1, 2] }], figure: [1, 2] }, stopped, () => {}),
  ).rejects.toMatchObject({ code: 'stopped' })
})
