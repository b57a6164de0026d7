import { expect, test } from 'vitest'
import type { ShownTrial } from '../../shared/domain/sweeps'
import {
  ahead,
  bestSoFar,
  epochsOf,
  parameterFields,
  parameterText,
  queueParts,
  queueText,
  rungParts,
} from './trialFields'

const trial = (number: number, more: Partial<ShownTrial>): ShownTrial => ({
  ...{ trial: number, point: number, seed: 0, status: 'finished', parameters: {}, metric: null },
  ...{ most: 10, now: null, seconds: null, ended: null, queue: null, promoted: false },
  ...more,
})

const QUEUED = { trial: 0, is: 'waiting', text: 'PENDING (Resources)', job: '7', attempt: 1, requeued: 0 } as const

test('the best so far follows the numbers and not the ends of trials, or gets worse', () => {
  const trials = [
    trial(0, { metric: 0.5, ended: 30 }),
    trial(1, { metric: 0.7, ended: 10 }),
    trial(2, { status: 'failed' }),
    trial(3, { metric: 0.6, ended: 20 }),
    trial(4, { metric: 0.9, ended: 40 }),
  ]
  expect(bestSoFar(trials, 'minimize').map(({ trial: { trial: n }, best }) => [n, best])).toEqual([
    [1, 0.7],
    [3, 0.6],
    [0, 0.5],
    [4, 0.5],
  ])
  expect(bestSoFar(trials, 'maximize').map(({ best }) => best)).toEqual([0.7, 0.7, 0.7, 0.9])
})

test('a trial that still trains is not told to be ahead, or one that is behind is', () => {
  const trials = [
    trial(0, { metric: 0.5 }),
    trial(1, { now: 0.6, status: 'running' }),
    trial(2, { now: 0.3, status: 'stopped' }),
    trial(3, { now: 0.4, status: 'running' }),
  ]
  expect(ahead(trials, 0.5, 'minimize')?.trial).toBe(2)
  expect(ahead(trials, 0.5, 'maximize')?.trial).toBe(1)
  expect(ahead(trials, 0.2, 'minimize')).toBeUndefined()
})

test('a parameter that only some trials have is none, or a default is taken for a text', () => {
  const trials = [
    trial(0, { parameters: { rate: 0.1, schedule: 'none' } }),
    trial(1, { parameters: { rate: 0.2, schedule: 'cosine', warmup: 5 } }),
    trial(2, { parameters: { rate: 0.1, schedule: null } }),
  ]
  const fields = parameterFields(['rate', 'schedule', 'warmup', 'other'], trials)
  expect(fields.map(({ name, kind, values }) => [name, kind, values])).toEqual([
    ['rate', 'number', [0.1, 0.2, 0.1]],
    ['schedule', 'category', [1, 0, null]],
    ['warmup', 'number', [null, 5, null]],
  ])
  expect([undefined, null, 0.00012345, [1, 2]].map((value) => parameterText(value))).toEqual([
    ...['–', 'default', parameterText(0.0001234), '1,2'],
  ])
})

test('trials that ended early count as if they had all their epochs, or those to come not at all', () => {
  const trials = [
    trial(0, { epochs: 4, status: 'halved' }),
    trial(1, { epochs: 10 }),
    trial(2, { epochs: 3, status: 'running' }),
  ]
  expect(epochsOf(trials, 5)).toEqual({ done: 17, of: 4 + 10 + 10 + 20 })
})

test('a trial in a queue has another reason, node or job than Slurm says', () => {
  const task = QUEUED
  expect(queueText(task)).toBe('pending · Resources')
  expect(queueText({ ...task, is: 'running', text: 'RUNNING on n3', attempt: 2 })).toBe('on n3 · 2nd job')
  expect(queueText({ ...task, text: 'PENDING (BeginTime)', requeued: 1 })).toBe('pending · BeginTime · requeued')
  expect(queueText({ ...task, is: 'running', text: 'COMPLETING on n1', attempt: 3, requeued: 2 })).toBe(
    'completing on n1 · 3rd job · requeued 2 times',
  )
  expect(queueText({ ...task, is: 'unseen', text: '' })).toBe('handed over, not seen yet')
  const others = [
    trial(0, { queue: task }),
    trial(1, { queue: { ...task, text: 'PENDING (Priority)' } }),
    trial(2, { queue: { ...task } }),
    trial(3, { queue: { ...task, is: 'running', text: 'RUNNING on n1' } }),
    trial(4, {}),
  ]
  expect(queueParts(others)).toEqual(['1 on a node', '3 pending (2 Resources, 1 Priority)'])
  expect(queueParts([])).toEqual([])
})

test('a trial that waits to go on is counted among those to be judged at a rung, or twice when it is in the queue', () => {
  const trials = [
    trial(0, { status: 'paused', promoted: true }),
    trial(1, { status: 'paused' }),
    trial(2, { status: 'paused', promoted: true, queue: QUEUED }),
    trial(3, {}),
  ]
  expect(rungParts(trials)).toEqual(['1 at a rung', '1 promoted'])
  expect(rungParts(trials.slice(3))).toEqual([])
})
