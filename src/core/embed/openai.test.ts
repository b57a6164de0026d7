import { describe, expect, it } from 'vitest'
import { AppError, formatError } from '../../shared/errors'
import { Secret } from '../http/secret'
import { timeoutsOf } from '../testing/timeouts'
import { OpenAiEmbedder, type OpenAiOptions } from './openai'
import { sayJson, sayVectors, startEmbeddingServer, vectorOf, type EmbeddingServer, type Respond } from './testServer'

const KEY = 'sk-5ecret/+value'
const never = new AbortController().signal
const TEXTS = ['one', 'a second text', 'ü']
const TIMEOUT_MS = 2_000

const runOut = timeoutsOf(TIMEOUT_MS)

interface Asked {
  server: EmbeddingServer
  outcome: Float32Array[] | AppError
  embedder: OpenAiEmbedder
}

async function ask(
  respond: Respond,
  options: Partial<OpenAiOptions> = {},
  stop = { soon: never, now: never },
): Promise<Asked> {
  const server = await startEmbeddingServer(respond)
  const embedder = new OpenAiEmbedder({
    provider: 'openai',
    model: 'm',
    url: server.url,
    key: Secret.fromEnvironment('K', { K: KEY }),
    batch: { texts: 10, tokens: 1000 },
    concurrency: 1,
    limits: {},
    timeoutMs: TIMEOUT_MS,
    attempts: 3,
    backoffMs: 5,
    ...options,
  })
  const items = TEXTS.map((text, row) => ({ text, row: 10 + row }))
  const outcome = await embedder.embed(items, stop, () => {}).catch((error: unknown) => AppError.from(error))
  return { server, outcome, embedder }
}

function failure({ outcome }: Asked): AppError {
  if (Array.isArray(outcome)) throw new Error('expected a failure')
  return outcome
}

const expected = TEXTS.map((text) => Float32Array.from(vectorOf(text)))

const after = (times: number, fail: Respond): Respond => {
  return (response, texts, attempt, request) =>
    (attempt <= times ? fail : sayVectors)(response, texts, attempt, request)
}

const status =
  (code: number, body = 'no', headers: Record<string, string> = {}): Respond =>
  (response) =>
    void response.writeHead(code, headers).end(body)

const data = (change: (entries: { index: number; embedding: unknown }[]) => unknown): Respond => {
  return (response, texts) =>
    sayJson(response, { data: change(texts.map((text, index) => ({ index, embedding: vectorOf(text) }))) })
}

const passing: [string, Respond][] = [
  ['429 without Retry-After', status(429)],
  ['408', status(408)],
  ['500', status(500)],
  ['502', status(502, '<html>Bad Gateway</html>')],
  ['504', status(504)],
  ['503', status(503)],
  ['a timeout', () => runOut()],
  ['a connection reset before the answer', (response) => void response.socket?.resetAndDestroy()],
  [
    'a connection reset in the middle of the answer',
    (response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"data": [', () => setTimeout(() => response.socket?.resetAndDestroy(), 20))
    },
  ],
  ['truncated JSON', (response) => void response.end('{"data": [{"index": 0, "embedding": [0.5,')],
]

const final: [string, Respond, RegExp][] = [
  ['too few vectors', data((all) => all.slice(1)), /has 2 vectors for 3 texts/],
  ['too many vectors', data((all) => [...all, ...all]), /has 6 vectors for 3 texts/],
  ['two vectors of one index', data((all) => all.map((each) => ({ ...each, index: 0 }))), /two vectors with index 0/],
  [
    'an index beyond the texts',
    data((all) => all.map((each) => ({ ...each, index: each.index + 1 }))),
    /index 3, for 3 texts/,
  ],
  [
    'vectors of different widths',
    data((all) => all.map((each, i) => (i === 1 ? { ...each, embedding: [1] } : each))),
    /vector of 1 numbers where 4 are expected/,
  ],
  [
    'null in a vector',
    data((all) => all.map((each) => ({ ...each, embedding: [1, null, 3, 4] }))),
    /has null in the vector with index 0/,
  ],
  [
    'a number beyond float32',
    data((all) => all.map((each) => ({ ...each, embedding: [1, 1e39, 3, 4] }))),
    /no finite float32/,
  ],
  ['a text for a vector', data((all) => all.map((each) => ({ ...each, embedding: 'AAAA' }))), /no list of numbers/],
  [
    'NaN as Python writes it',
    (response) => void response.end('{"data": [{"index": 0, "embedding": [NaN]}]}'),
    /NaN or Infinity/,
  ],
  ['another shape of answer', (response) => sayJson(response, { vectors: [] }), /no list "data"/],
  ['a wrong key (401)', status(401, `bad key ${KEY} \u001b[31m`), /401 Unauthorized: bad key \[key\] \[31m/],
  ['a region that is not served (403)', status(403, '{"error": {"code": "unsupported_country"}}'), /403 Forbidden/],
  [
    'an account without credit (429)',
    status(429, '{"error": {"code": "insufficient_quota"}}'),
    /429[^]*insufficient_quota/,
  ],
  ['a wrong path (404)', status(404), /404/],
  ['a redirect', status(307, '', { location: 'http://127.0.0.1:9/' }), /307/],
]

describe('an OpenAI-compatible embedding service', () => {
  it('sends texts and key below the base address, and returns vectors in order', async () => {
    const { server, outcome } = await ask(sayVectors)
    expect(outcome).toEqual(expected)
    expect(server.requests).toMatchObject([
      { texts: TEXTS, model: 'm', path: '/v1/embeddings', authorization: `Bearer ${KEY}` },
    ])
  })

  it('goes by the index, not by the order of the answer', async () => {
    expect((await ask(data((all) => all.toReversed()))).outcome).toEqual(expected)
  })

  it.each(passing)('tries again after %s', async (_, fail) => {
    const { server, outcome } = await ask(after(2, fail))
    expect(outcome).toEqual(expected)
    expect(server.requests).toHaveLength(3)
  })

  it.each(passing)('gives up when %s does not pass', async (_, fail) => {
    const asked = await ask(fail)
    expect(failure(asked)).toMatchObject({ code: 'service_failed' })
    expect(failure(asked).message).toMatch(/sent 3 times/)
    expect(asked.server.requests).toHaveLength(3)
  })

  // A date has whole seconds: of two seconds, more than one is left.
  it.each([
    ['in seconds', () => '1'],
    ['as a date', () => new Date(Date.now() + 2000).toUTCString()],
  ])('waits as long as Retry-After says, %s', async (_, after429) => {
    const { server, outcome } = await ask(
      after(1, (...args) => status(429, '', { 'retry-after': after429() })(...args)),
    )
    expect(outcome).toEqual(expected)
    expect(server.requests[1]!.time - server.requests[0]!.time).toBeGreaterThan(950)
  })

  it('does not wait for an hour because Retry-After says so', async () => {
    const asked = await ask(status(503, '', { 'retry-after': '3600' }))
    expect(failure(asked).message).toMatch(/3600 s of patience/)
    expect(asked.server.requests).toHaveLength(1)
  })

  it.each(final)('asks once and never again after %s, and shows no key', async (_, fail, message) => {
    const asked = await ask(fail)
    expect(failure(asked).message).toMatch(message)
    expect(asked.server.requests).toHaveLength(1)
    const shown = formatError(failure(asked)) + JSON.stringify(failure(asked))
    expect(shown).not.toContain(KEY)
    expect(shown).not.toContain('\u001b')
  })

  it.each([
    [400, 'Bad Request'],
    [413, 'Payload Too Large'],
  ])('finds the text that is too long (%d), and names it', async (code, words) => {
    const tooLong: Respond = (response, texts, attempt, request) =>
      texts.some((text) => text.includes('second'))
        ? status(code, '{"error": {"message": "maximum context length is 8192 tokens"}}')(
            response,
            texts,
            attempt,
            request,
          )
        : sayVectors(response, texts, attempt, request)
    const asked = await ask(tooLong)
    expect(failure(asked)).toMatchObject({ code: 'service_failed', details: { row: 11 } })
    expect(formatError(failure(asked))).toContain(`${code} ${words}`)
    expect(formatError(failure(asked))).toMatch(/Text 11 \(13 characters[^]*"a second text"/)
    expect(asked.server.requests.map(({ texts }) => texts.length)).toEqual([3, 1, 2, 1])
  })

  it('takes another width in a later answer for a fault', async () => {
    const { embedder } = await ask((response, texts, attempt) =>
      sayJson(response, {
        data: texts.map((text, index) => ({ index, embedding: vectorOf(text, attempt === 1 ? 4 : 5) })),
      }),
    )
    const again = embedder.embed([{ text: 'x', row: 0 }], { soon: never, now: never }, () => {})
    await expect(again).rejects.toThrow(/vector of 5 numbers where 4 are expected/)
  })

  it('spaces requests by the limit of tokens a minute', async () => {
    const began = performance.now()
    const { embedder, server } = await ask(sayVectors, { limits: { tokensPerMinute: 6 * 60 * 5 } })
    await embedder.embed([{ text: 'x', row: 0 }], { soon: never, now: never }, () => {})
    // The first batch has about 6 tokens, at 30 a second.
    expect(server.requests[1]!.time - began).toBeGreaterThan(150)
  })

  it('spaces requests by their limit a minute', async () => {
    const began = performance.now()
    const { embedder, server } = await ask(sayVectors, { limits: { requestsPerMinute: 240 } })
    await embedder.embed([{ text: 'x', row: 0 }], { soon: never, now: never }, () => {})
    expect(server.requests[1]!.time - began).toBeGreaterThan(200)
  })

  it('refuses an address with a password without repeating it', async () => {
    await expect(ask(sayVectors, { url: 'http://me:hunter2@host/' })).rejects.toThrow(/user name or password/)
  })
})
