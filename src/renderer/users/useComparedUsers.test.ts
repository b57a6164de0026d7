import { expect, test, vi } from 'vitest'
import { effectScope, nextTick, ref } from 'vue'
import type { EvaluatedSplit } from '../../shared/domain/evaluation'
import { AppError } from '../../shared/errors'
import { useComparedUsers } from './useComparedUsers'

const asked = vi.hoisted(() => [] as string[])
vi.mock('../api/client', () => ({
  client: {
    request: (route: string, { id, split }: { id: string; split: string }) => {
      asked.push(`${route} ${id} ${split}`)
      if (route === 'runs.evaluation') return Promise.resolve({ evaluation: null })
      return id === 'broken' ? Promise.reject(new AppError('not_found', 'gone')) : Promise.resolve({ users: [] })
    },
  },
}))

async function settle(): Promise<string[]> {
  for (let turn = 0; turn < 40; turn++) await nextTick()
  return asked.splice(0).filter((one) => one.startsWith('users.table'))
}

test('another reference has the engines of all runs read their data again, or another split none', async () => {
  const ids = ref(['a', 'b', 'broken'])
  const split = ref<EvaluatedSplit>('test')
  const scope = effectScope()
  const runs = scope.run(() => useComparedUsers(ids, split))!
  expect(await settle()).toHaveLength(3)
  ids.value = ['b', 'a', 'c', 'broken']
  // What failed is tried again.
  expect(await settle()).toEqual(['users.table c test', 'users.table broken test'])
  expect(runs.value.map(({ id, table }) => [id, table instanceof AppError])).toEqual([
    ['b', false],
    ['a', false],
    ['c', false],
    ['broken', true],
  ])
  split.value = 'dev'
  expect(await settle()).toHaveLength(4)
  scope.stop()
})
