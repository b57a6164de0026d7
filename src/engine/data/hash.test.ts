import { expect, it } from 'vitest'
import { Hash64Map, Hasher64 } from './hash'

it('keeps short, similar and zero-padded strings apart', () => {
  const hasher = new Hasher64()
  const seen = new Set<string>()
  const texts = ['', '\0', '\0\0', '\0\0\0', 'a', 'a\0', 'ab', 'ba']
  for (let i = 0; i < 200_000; i++) texts.push(`q${i}`)
  for (const text of texts) {
    const { lo, hi } = hasher.reset().text(text).finish()
    seen.add(`${lo}:${hi}`)
  }
  expect(seen.size).toBe(texts.length)
})

it('keeps what it holds while it grows, the zero hash included', () => {
  const map = new Hash64Map()
  for (let i = 0; i < 10_000; i++) expect(map.replace(i * 1024, i, i)).toBe(-1)
  for (let i = 0; i < 10_000; i++) if (map.find(i * 1024, i) !== i) expect.fail(`${i}`)
  expect(map.replace(0, 0, 7)).toBe(0)
  expect(map.find(0, 0)).toBe(7)
  expect(map.find(1, 0)).toBe(-1)
  expect(map.size).toBe(10_000)
})
