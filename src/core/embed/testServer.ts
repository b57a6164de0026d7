import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { z } from 'zod'

const bodySchema = z.object({ model: z.string(), input: z.array(z.string()), dimensions: z.int().optional() })

export interface EmbeddingServer {
  readonly url: string
  /** Every request, in order of arrival. */
  readonly requests: { texts: string[]; model: string; path: string; authorization: string | undefined; time: number }[]
}

export type Respond = (response: ServerResponse, texts: string[], attempt: number, request: IncomingMessage) => void

/** The vector that the test servers give: a function of the text alone, not of length 1. */
export function vectorOf(text: string, width = 4): number[] {
  return Array.from(
    { length: width },
    (_, d) => Math.fround(Math.sin((d + 1) * (text.length + text.charCodeAt(0)))) * 2,
  )
}

export const sayVectors: Respond = (response, texts) =>
  sayJson(response, {
    object: 'list',
    data: texts.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) })),
    usage: { prompt_tokens: 1, total_tokens: 1 },
  })

export function sayJson(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
}

/** For tests: an embedding service on this machine that answers as it is told, gone when the test is over. */
export async function startEmbeddingServer(respond: Respond = sayVectors): Promise<EmbeddingServer> {
  const requests: EmbeddingServer['requests'] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { input, model } = bodySchema.parse(JSON.parse(Buffer.concat(chunks).toString()))
      const { authorization } = request.headers
      requests.push({ texts: input, model, path: request.url ?? '', authorization, time: performance.now() })
      respond(response, input, requests.length, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { url: `http://127.0.0.1:${address.port}/v1`, requests }
}
