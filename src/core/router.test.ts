import { expect, expectTypeOf, it } from 'vitest'
import { requests, type RequestOutput } from '../shared/api/requests'
import { answer, type Handlers } from './router'

const unused = () => Promise.reject(new Error('not asked for here'))
const handlers: Handlers = {
  // Routes that no test here calls.
  ...(Object.fromEntries(Object.keys(requests).map((route) => [route, unused])) as unknown as Handlers),
  'app.info': () =>
    Promise.resolve({
      version: '1',
      logDir: '/logs',
      platform: 'linux',
      node: '24',
      dataDir: null,
      threads: 2,
      firstCommand: 'train',
      notes: [],
      dialogs: true,
    }),
  'runs.list': () => Promise.reject(new Error('disk on fire')),
  'runs.get': ({ id }) => Promise.reject(new TypeError(id)),
}

it('answers with data', async () => {
  expect(await answer(handlers, 'app.info', {})).toMatchObject({ ok: true, data: { version: '1' } })
})

it.each(['runs.nothing', 'toString', '__proto__', 'constructor', ''])('has no request called %j', async (route) => {
  expect(await answer(handlers, route, {})).toMatchObject({ ok: false, error: { code: 'unknown_route' } })
})

it.each([undefined, null, 'x', { id: 1 }, { id: '' }, { id: 'a', more: 1 }, { id: 'x'.repeat(201) }])(
  'does not pass on the input %j',
  async (input) => {
    const reply = await answer(handlers, 'runs.get', input)
    expect(reply).toMatchObject({ ok: false, error: { code: 'usage' } })
  },
)

it('turns what a handler throws into data without a stack', async () => {
  const reply = await answer(handlers, 'runs.list', {})
  expect(reply).toEqual({
    ok: false,
    error: { code: 'internal', message: 'disk on fire', details: {}, cause: { message: 'disk on fire' } },
  })
})

it('knows the output of each route', () => {
  expectTypeOf<Awaited<ReturnType<Handlers['runs.list']>>>().toEqualTypeOf<RequestOutput<'runs.list'>>()
})
