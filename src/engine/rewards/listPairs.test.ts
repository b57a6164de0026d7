import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { dataFixture, splitFixture, writeData } from '../data/dataFixture'
import { listPairs } from './listPairs'

it('lists every pair once and sends the texts they use, without reading embeddings', async () => {
  const fixture = dataFixture()
  fixture.train.texts.push('nobody uses this')
  fixture.train.vectors.push([0, 0, 0])
  const data = await writeData(fixture)
  rmSync(data.train.emb_file)
  const texts = new Map<string, string>()
  const splits = await listPairs(data, ({ file, rows, texts: chunk }) =>
    rows.forEach((row, i) => texts.set(`${file} ${row}`, chunk[i]!)),
  )
  expect(splits.map(({ split }) => split)).toEqual(['train', 'dev', 'test', 'test_unseen'])
  expect([...splits[0]!.prompts]).toEqual([0, 0, 0, 0])
  expect([...splits[0]!.answers]).toEqual([1, 4, 2, 3])
  expect(texts.size).toBe(20)
  expect(texts.get(`${data.train.text_file} 2`)).toBe(fixture.train.texts[2])
})

it('says what is wrong with the data instead of listing half of it', async () => {
  const train = splitFixture('train')
  train.rows[1]!['chosen_emb_idx'] = 77
  const data = await writeData({ train })
  await expect(listPairs(data, () => {})).rejects.toMatchObject({
    code: 'data_invalid',
    details: { file: data.train.df_file, row: 1, column: 'chosen_emb_idx' },
  })
})
