import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { z } from 'zod'

const bodySchema = z.object({ pairs: z.array(z.object({ prompt: z.string(), answer: z.string() })) })
export type ScoredPair = z.infer<typeof bodySchema>['pairs'][number]

export interface TestServer {
  readonly url: string
  /** Every request, in order of arrival. */
  readonly requests: { pairs: ScoredPair[]; authorization: string | undefined; time: number }[]
}

export type Respond = (response: ServerResponse, pairs: ScoredPair[], attempt: number, request: IncomingMessage) => void

/** The reward that the test servers give: a function of the texts alone. */
export function rewardOf({ prompt, answer }: ScoredPair): number {
  return answer.length - prompt.length / 8
}

export const sayRewards: Respond = (response, pairs) => sayJson(response, { rewards: pairs.map(rewardOf) })

export function sayJson(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
}

/** For tests: a scorer on this machine that answers as it is told, gone when the test is over. */
export async function startServer(respond: Respond = sayRewards): Promise<TestServer> {
  const requests: TestServer['requests'] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const parsed = bodySchema.safeParse(JSON.parse(Buffer.concat(chunks).toString()))
      const pairs = parsed.data?.pairs ?? []
      requests.push({ pairs, authorization: request.headers.authorization, time: performance.now() })
      respond(response, pairs, requests.length, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { url: `http://127.0.0.1:${address.port}/score`, requests }
}
