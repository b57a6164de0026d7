import { expect, test, vi } from 'vitest'
import { effectScope, nextTick, ref } from 'vue'
import type { UsersPlace } from './useUsers'
import { useUser } from './useUser'

const asked = vi.hoisted(() => [] as { route: string; answer: (value: unknown) => void }[])
vi.mock('../api/client', () => ({
  client: { request: (route: string) => new Promise((answer) => asked.push({ route, answer })) },
}))

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await nextTick()
}

test('a pair of the user before comes late, and is shown beside the next one', async () => {
  const place = ref<UsersPlace>({ run: 'a', split: 'test' })
  const [id, row] = [ref('1'), ref<number>()]
  const scope = effectScope()
  const { pair } = scope.run(() => useUser(place, id, row, () => undefined))!
  asked[0]!.answer({ pairs: [{ row: 7 }] })
  await settle()
  expect(asked.map(({ route }) => route)).toEqual(['users.one', 'users.pair'])
  id.value = '2'
  await settle()
  asked[1]!.answer({ row: 7, prompt: 'of the first user' })
  await settle()
  expect(pair.value).toBeUndefined()
  asked[2]!.answer({ pairs: [{ row: 8 }] })
  await settle()
  // Until theirs is there, none is.
  expect(pair.value).toBeUndefined()
  asked[3]!.answer({ row: 8 })
  await settle()
  expect(pair.value).toEqual({ row: 8 })
  scope.stop()
})
