import { describe, expect, it } from 'vitest'
import { AppError, formatError } from '../../shared/errors'
import { HttpScorer, type ScorerOptions } from './scorer'
import { Secret } from '../http/secret'
import { timeoutsOf } from '../testing/timeouts'
import { rewardOf, sayJson, sayRewards, startServer, type Respond } from './testServer'

const PAIRS = [
  { prompt: 'Hello?', answer: 'Hello — ü' },
  { prompt: 'Hello?', answer: 'Go away' },
]
const KEY = 'sk-5ecret/+value'
const never = new AbortController().signal
const TIMEOUT_MS = 2_000

const runOut = timeoutsOf(TIMEOUT_MS)

async function ask(respond: Respond, options: Partial<ScorerOptions> = {}, stop = { soon: never, now: never }) {
  const server = await startServer(respond)
  const scorer = new HttpScorer({
    provider: 'http',
    url: server.url,
    key: Secret.fromEnvironment('SCORER_KEY', { SCORER_KEY: KEY }),
    timeoutMs: TIMEOUT_MS,
    attempts: 3,
    backoffMs: 5,
    ...options,
  })
  const outcome = await scorer.score(PAIRS, stop).catch((error: unknown) => AppError.from(error))
  return { server, outcome }
}

function failure(outcome: number[] | AppError): AppError {
  if (Array.isArray(outcome)) throw new Error('expected a failure')
  return outcome
}

/** Fails `times` times, then answers. */
const after = (times: number, fail: Respond): Respond => {
  return (response, pairs, attempt, request) =>
    attempt <= times ? fail(response, pairs, attempt, request) : sayRewards(response, pairs, attempt, request)
}

const status =
  (code: number, body = 'no', headers: Record<string, string> = {}): Respond =>
  (response) =>
    void response.writeHead(code, headers).end(body)

const passing: [string, Respond][] = [
  ['429', status(429)],
  ['408', status(408)],
  ['500', status(500)],
  ['503', status(503)],
  ['an answer that never comes', () => runOut()],
  ['a connection reset before the answer', (response) => void response.socket?.resetAndDestroy()],
  [
    'a connection reset in the middle of the answer',
    (response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"rewards": [1', () => setTimeout(() => response.socket?.resetAndDestroy(), 20))
    },
  ],
  ['JSON that is cut off', (response) => void response.end('{"rewards": [1.5, 2')],
  ['an empty answer', (response) => void response.end()],
]

const final: [string, Respond, RegExp][] = [
  ['too few rewards', (response) => sayJson(response, { rewards: [1] }), /has 1 rewards for 2 pairs/],
  ['too many rewards', (response) => sayJson(response, { rewards: [1, 2, 3] }), /has 3 rewards for 2 pairs/],
  ['a string', (response) => sayJson(response, { rewards: [1, '2'] }), /pair 2 of 2 the reward "2"/],
  ['null', (response) => sayJson(response, { rewards: [null, 2] }), /pair 1 of 2 the reward null/],
  ['NaN as Python writes it', (response) => void response.end('{"rewards": [NaN, 1]}'), /NaN or Infinity/],
  ['a number beyond float32', (response) => void response.end('{"rewards": [1e39, 1]}'), /no finite number/],
  ['no rewards', (response) => sayJson(response, { scores: [1, 2] }), /no list "rewards"/],
  ['a wrong key (401)', status(401, `bad key ${KEY} \u001b[31m`), /401 Unauthorized: bad key \[key\] \[31m$/m],
  ['a bad request', status(400, '{"error": "text too long"}'), /400 Bad Request: \{"error": "text too long"\}/],
  ['a wrong path', status(404), /404/],
  ['a redirect', status(307, '', { location: 'http://127.0.0.1:9/' }), /307/],
]

describe('the HTTP scorer', () => {
  it('sends the pairs and the key, and returns the rewards in order', async () => {
    const { server, outcome } = await ask(sayRewards)
    expect(outcome).toEqual(PAIRS.map(rewardOf))
    expect(server.requests[0]).toMatchObject({ pairs: PAIRS, authorization: `Bearer ${KEY}` })
  })

  it.each(passing)('tries again after %s', async (_, fail) => {
    const { server, outcome } = await ask(after(2, fail))
    expect(outcome).toEqual(PAIRS.map(rewardOf))
    expect(server.requests).toHaveLength(3)
  })

  it.each(passing)('gives up when %s does not pass', async (_, fail) => {
    const { server, outcome } = await ask(fail)
    expect(failure(outcome)).toMatchObject({ code: 'service_failed' })
    expect(failure(outcome).message).toMatch(/sent 3 times/)
    expect(server.requests).toHaveLength(3)
  })

  it.each(final)('does not ask again after %s', async (_, fail, message) => {
    const { server, outcome } = await ask(fail)
    expect(failure(outcome).message).toMatch(message)
    expect(server.requests).toHaveLength(1)
    const shown = formatError(failure(outcome)) + JSON.stringify(failure(outcome))
    expect(shown).not.toContain(KEY)
    expect(shown).not.toContain('\u001b')
  })

  it.each([
    ['seconds', () => '1'],
    // A date has no fractions: up to a second less than it says is left.
    ['a date', () => new Date(Date.now() + 2000).toUTCString()],
  ])('waits as long as Retry-After says in %s', async (_, header) => {
    const waits: number[] = []
    const { server, outcome } = await ask(
      after(1, (response) => void response.writeHead(429, { 'retry-after': header() }).end()),
      { onRetry: (_problem, wait) => waits.push(wait) },
    )
    expect(outcome).toEqual(PAIRS.map(rewardOf))
    const [first, second] = server.requests
    expect(second!.time - first!.time).toBeGreaterThan(950)
    expect(waits).toHaveLength(1)
  })

  it('gives up at once when it is told to come back tomorrow', async () => {
    const { server, outcome } = await ask(status(429, 'quota', { 'retry-after': '86400' }))
    expect(failure(outcome).message).toContain('86400 s')
    expect(server.requests).toHaveLength(1)
  })

  it('says at once that nobody is there, instead of waiting for a wrong address', async () => {
    const { outcome } = await ask(sayRewards, { url: 'http://127.0.0.1:9/score', backoffMs: 60_000 })
    expect(failure(outcome).message).toContain('cannot be reached')
  })

  it('stops waiting when it is told to stop', async () => {
    const stop = new AbortController()
    const { outcome } = await ask(
      status(503),
      { backoffMs: 60_000, onRetry: () => stop.abort() },
      {
        soon: stop.signal,
        now: never,
      },
    )
    expect(failure(outcome).code).toBe('stopped')
  })

  it('gives up the request on its way when there is no more time', async () => {
    const stop = new AbortController()
    const { outcome } = await ask(() => stop.abort(), {}, { soon: stop.signal, now: stop.signal })
    expect(failure(outcome).code).toBe('stopped')
  })

  it('refuses an address with a password without repeating it', () => {
    const make = (url: string): HttpScorer =>
      new HttpScorer({ provider: 'http', url, key: Secret.fromEnvironment(undefined, {}), timeoutMs: 1, attempts: 1 })
    expect(() => make('http://me:hunter2@host/')).toThrow(/user name or password/)
    expect(() => make('file:///etc/passwd')).toThrow(/no http/)
    expect(make('http://host/score?key=hunter2').place).toBe('http://host/score')
  })
})

describe('the openai protocol', () => {
  const options = { provider: 'openai', model: 'rm' } as const
  const base = async (respond: Respond): ReturnType<typeof ask> => ask(respond, options)

  it('orders scores by their index', async () => {
    const { outcome } = await base((response, _pairs, _attempt, request) => {
      expect(request.url).toBe('/score')
      sayJson(response, {
        data: [
          { index: 1, object: 'score', score: -2 },
          { index: 0, object: 'score', score: 3 },
        ],
      })
    })
    expect(outcome).toEqual([3, -2])
  })

  it('asks below the base address', async () => {
    const server = await startServer((response, _pairs, _attempt, request) =>
      sayJson(response, { data: PAIRS.map((_, index) => ({ index, score: request.url === '/v1/score' ? 1 : 0 })) }),
    )
    const url = server.url.replace('/score', '/v1/')
    const scorer = new HttpScorer({
      ...options,
      url,
      key: Secret.fromEnvironment(undefined, {}),
      timeoutMs: TIMEOUT_MS,
      attempts: 1,
    })
    expect(await scorer.score(PAIRS, { soon: never, now: never })).toEqual([1, 1])
  })

  it.each([
    ['a pair without a score', [{ index: 0, score: 1 }], /has 1 scores for 2 pairs/],
    [
      'a pair with two',
      [
        { index: 0, score: 1 },
        { index: 0, score: 1 },
      ],
      /one pair twice/,
    ],
    [
      'an index beyond the pairs',
      [
        { index: 0, score: 1 },
        { index: 2, score: 1 },
      ],
      /pair 2 of 2 the reward nothing/,
    ],
  ])('refuses %s', async (_, data, message) => {
    const { outcome } = await base((response) => sayJson(response, { data }))
    expect(failure(outcome).message).toMatch(message)
  })
})

describe('the key', () => {
  it('is never repeated when it is given in place of the name of its variable', () => {
    for (const name of ['sk-abc123', 'abc123def']) {
      expect(() => Secret.fromEnvironment(name, {})).toThrow(AppError)
      try {
        Secret.fromEnvironment(name, {})
      } catch (error) {
        expect(JSON.stringify(AppError.from(error))).not.toContain(name)
      }
    }
  })

  it('is refused with a line break inside, and trimmed outside', () => {
    expect(() => Secret.fromEnvironment('K', { K: 'ab\ncd' })).toThrow(/line break/)
    expect(Secret.fromEnvironment('K', { K: 'abcd\n' }).headers()).toEqual({ authorization: 'Bearer abcd' })
  })
})
