import { expect, it } from 'vitest'
import { clusterEstimate } from './clusterEstimate'

const tpe = { startup: 10, batch: 4 }

it('a sweep on a cluster counts other tasks, or more of them at once than its profile or its method gives', () => {
  expect(clusterEstimate(64, 4, 'grid', { throttle: 50, time: '30' }, tpe)).toBe(
    '64 tasks · 50 at the same time at most · time limit 30 min a job',
  )
  expect(clusterEstimate(64, 4, 'random', { throttle: null, time: '1-0:00' }, tpe)).toBe(
    '64 tasks · all at the same time where nodes are free · time limit 1-0:00 a job',
  )
  expect(clusterEstimate(64, 4, 'tpe', { throttle: null, time: null }, tpe)).toBe(
    '64 tasks · 40 at the same time at most · the site’s time limit',
  )
  expect(clusterEstimate(1, 1, 'tpe', { throttle: 4, time: null }, tpe)).toContain('1 task · all')
})
