import { afterAll, beforeAll, expect, test } from 'vitest'
import { memorySpawner } from '../../engine/memorySpawner'
import { flattenConfig } from '../../store/flatten'
import { openStore, type Store } from '../../store/openStore'
import { batches, newRun } from '../../store/testing/storeFixture'
import { Comparisons } from '../comparisons'
import { curvesSvg } from './chart'
import { makeReport } from './makeReport'

const ATTACK = `<img src=x onerror="alert(1)">'"</script><script>alert(2)</script>&lt;`
let store: Store
beforeAll(() => {
  store = openStore({ dir: undefined })
  for (const [id, n_dim] of [
    ['a', 5],
    ['b', 10],
  ] as const) {
    const params = flattenConfig({ caimira: { n_dim }, note: ATTACK + id })
    store.runs.create(newRun({ id, exp_name: ATTACK, exp_version: id, params }))
    store.metrics.append(
      id,
      batches(0, 20, (step) => ({ val_loss: 1 / (step + n_dim), val_acc: 0.5 + step / 100 })),
    )
    store.metrics.append(id, [{ epoch: 20, step: 20, time: 20, values: { test_lift: -1 / n_dim } }])
    store.annotations.change(store.runs.get(id).key, undefined, { note: ATTACK, addTags: ['<i>'] })
  }
})
afterAll(() => store.close())

const report = (): Promise<string> => {
  const closing = new AbortController().signal
  const comparisons = new Comparisons({ spawner: memorySpawner(() => {}), publish: () => {}, closing })
  return makeReport(store, comparisons, { runs: ['a', 'b'], columns: [], single: false })
}

test('a name, a note, a tag or a value becomes a part of the page, or the page asks for anything', async () => {
  const html = await report()
  const tags = new Set([...html.matchAll(/<\/?([a-z!][a-z0-9]*)/gi)].map(([, tag = '']) => tag.toLowerCase()))
  for (const tag of ['script', 'img', 'i', 'link', 'iframe', 'object', 'a', 'image', 'use'])
    expect(tags).not.toContain(tag)
  expect(html).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&#39;')
  expect(html).not.toMatch(/<[^>]*\s(on\w+|href|src|style|srcset)\s*=/i)
  expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/(https?:)?\/\/\w|url\(|@import/)
  expect(html).toContain(`content="default-src 'none'`)
})

test('a report leaves out what was compared', async () => {
  const html = await report()
  const parts = ['Results', 'Curves', 'Configuration', 'Runs', 'caimira.n_dim', 'delta train', 'hashes', 'val_acc']
  for (const part of parts) expect(html).toContain(part)
  expect(html.match(/<svg /g)).toHaveLength(2)
})

test('a negative figure has a hyphen where differences have a minus sign', async () => {
  const html = await report()
  expect(html).toContain('−0.2000')
  expect(html).toContain('+0.1000')
  expect(html).not.toMatch(/>-\d/)
})

test('a gap in a curve is drawn over, or a curve without points breaks the picture', () => {
  const curve = { label: 'a', x: [0, 1, 2, 3], mean: [1, null, 3, 4], low: [0, null, 2, 3], high: [2, null, 4, 5] }
  const svg = curvesSvg('loss', 'epoch', [{ ...curve, band: false }])
  const [, d = ''] = /<path d="([^"]*)"/.exec(svg ?? '') ?? []
  expect(d.match(/M/g)).toHaveLength(2)
  expect(d).not.toContain('NaN')
  expect(curvesSvg('loss', 'epoch', [{ ...curve, mean: [null, null, null, null], band: false }])).toBeUndefined()
  const flat = curvesSvg('loss', 'epoch', [{ label: 'b', x: [3], mean: [0], low: [0], high: [0], band: true }])
  expect(flat).not.toMatch(/NaN|Infinity/)
})

test('figures that differ in their last digit alone are ruled without end', () => {
  const mean = (0.7 + 0.7 + 0.7) / 3
  expect(mean).not.toBe(0.7)
  const curve = { label: 'a', x: [0, 1], mean: [mean, mean], low: [0.7, 0.7], high: [0.7, 0.7], band: true }
  const svg = curvesSvg('val_acc', 'epoch', [curve]) ?? ''
  expect(svg.match(/text-anchor="end"/g)?.length).toBeLessThan(20)
})
