import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { readRecords } from '../import/records'
import { previewPairs } from '../prep/previewPairs'
import { readVocabulary } from './bow'
import { temporaryFolder } from './dataFixture'
import { readTexts } from './texts'

const OBJECT = '{"u_id":1,"prompt":"Tea?","chosen":"Green.","rejected":"Black."}\n'
const records = (file: string): Promise<unknown> => readRecords(file, { onRecord: () => {}, onMalformed: () => {} })

/** Every reader of text, with what it reads. */
const READERS: readonly [name: string, content: string, read: (file: string) => Promise<unknown>][] = [
  ['pairs.jsonl', OBJECT, (input) => previewPairs({ task: 'preview', input, rows: 1 })],
  ['source.jsonl', OBJECT, records],
  ['source.json', `[${OBJECT}]`, records],
  ['source.csv', 'u_id,prompt,chosen,rejected\n1,Tea?,Green.,Black.\n', records],
  ['texts.json', '["Tea?","Green."]', (file) => readTexts(file, () => {})],
  ['vocab.txt', 'tea\ngreen\n', readVocabulary],
]

describe.each(READERS)('%s', (name, content, read) => {
  const fileOf = (bytes: string | Uint8Array): string => {
    const file = path.join(temporaryFolder(), name)
    writeFileSync(file, bytes)
    return file
  }

  test('UTF-8 with a byte order mark and CRLF is refused', async () => {
    await read(fileOf(`\ufeff${content.replaceAll('\n', '\r\n')}`))
  })

  test.each([
    ['with a mark', `\ufeff${content}`],
    ['without one', content],
  ])('UTF-16 %s is read, or told as something else', async (_mark, text) => {
    for (const bytes of [Buffer.from(text, 'utf16le'), Buffer.from(text, 'utf16le').swap16()]) {
      const file = fileOf(bytes)
      await expect(read(file)).rejects.toMatchObject({
        code: 'data_invalid',
        message: expect.stringContaining('UTF-16'),
        details: { file, line: 1, fix: expect.stringContaining('Save it as UTF-8') },
      })
    }
  })
})

describe('CSV', () => {
  test('a NUL becomes part of a text, or its line is not told', async () => {
    const file = path.join(temporaryFolder(), 'source.csv')
    writeFileSync(file, `a,b\n${'1,2\n'.repeat(5000)}3,x\0y\n`)
    await expect(records(file)).rejects.toMatchObject({
      code: 'data_invalid',
      message: expect.stringContaining('NUL'),
      details: { file, line: 5002 },
    })
  })

  test('a byte that is not UTF-8 is told with the line on which the reader was', async () => {
    const file = path.join(temporaryFolder(), 'source.csv')
    writeFileSync(file, Buffer.from(`a,b\n${'1,2\n'.repeat(700)}3,caf\xe9\n${'1,2\n'.repeat(700)}`, 'latin1'))
    await expect(records(file)).rejects.toMatchObject({
      message: expect.stringContaining('UTF-8'),
      details: { line: 702 },
    })
  })
})
