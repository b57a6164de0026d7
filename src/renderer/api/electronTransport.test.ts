import { expect, it } from 'vitest'
import type { AppEvent } from '../../shared/api/events'
import { electronTransport } from './electronTransport'

it('each listener of the page is one more of the preload, where the eleventh is warned of, or one that has gone still hears', () => {
  const preload = new Set<(event: AppEvent) => void>()
  const { onEvent } = electronTransport({
    request: () => Promise.reject(new Error('nothing is asked')),
    dropped: () => Promise.resolve([]),
    on(listener) {
      preload.add(listener)
      return () => preload.delete(listener)
    },
  })
  const heard: number[] = []
  const ends = Array.from({ length: 20 }, (_, n) => onEvent(() => heard.push(n)))
  expect(preload.size).toBe(1)
  const event: AppEvent = { event: 'runs.changed', payload: { sequence: 1 } }
  preload.forEach((listener) => listener(event))
  expect(heard).toEqual([...ends.keys()])
  ends.slice(1).forEach((end) => end())
  preload.forEach((listener) => listener(event))
  expect(heard).toHaveLength(21)
})
