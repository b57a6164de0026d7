import { describe, expect, it } from 'vitest'
import { AppError, formatError } from '../../shared/errors'
import { dataFixture, writeData, type DataFixture } from './dataFixture'
import { loadDataset } from './loadDataset'
import { prepareDataset } from './prepare'

function withoutIndices(fixture: Required<DataFixture>): Required<DataFixture> {
  for (const { rows } of Object.values(fixture)) {
    for (const row of rows) for (const role of ['prompt', 'chosen', 'rejected']) delete row[`${role}_emb_idx`]
  }
  return fixture
}

describe('loadDataset', () => {
  it.each(['jsonl', 'parquet'] as const)('loads the columns of %s files', async (format) => {
    const dataset = await loadDataset(await writeData(dataFixture(), format), 'all')
    expect(dataset).toMatchObject({ name: 'fixture', users: [1, 2, 9], trainedUsers: 2, width: 3 })
    expect(dataset.featureColumns).toEqual(['user_a', 'user_b'])
    const { train, test_unseen } = dataset.splits
    expect(train).toMatchObject({ name: 'train', pairs: 6, table: { rows: 5, width: 3 } })
    expect([...train.users]).toEqual([0, 0, 0, 1, 1, 1])
    expect([...train.prompts]).toEqual([0, 0, 0, 0, 0, 0])
    expect([...train.chosen]).toEqual([1, 2, 3, 1, 2, 3])
    expect([...train.rejected]).toEqual([4, 4, 4, 4, 4, 4])
    expect([...train.features!]).toEqual([1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1])
    expect(train.ids).toEqual(['train-0-1', 'train-0-2', 'train-0-3', 'train-1-1', 'train-1-2', 'train-1-3'])
    expect([...train.table.values]).toEqual([0, 0, -0, 1, 0.5, -1, 2, 1, -2, 3, 1.5, -3, 4, 2, -4])
    expect([...test_unseen!.users]).toEqual([2, 2, 2])
  })

  it('finds the same indices by looking the texts up', async () => {
    const { splits } = await loadDataset(await writeData(withoutIndices(dataFixture()), 'parquet'), 'none')
    expect([...splits.train.prompts]).toEqual([0, 0, 0, 0, 0, 0])
    expect([...splits.dev!.chosen]).toEqual([1, 2, 3, 1, 2, 3])
    expect([...splits.test!.rejected]).toEqual([4, 4, 4, 4, 4, 4])
    expect(splits.train.features).toBeNull()
  })

  it('shares the table of splits that name the same file', async () => {
    const fixture = dataFixture()
    const data = await writeData({ train: fixture.train, dev: fixture.dev })
    data.dev = { ...data.dev!, emb_file: data.train.emb_file }
    const { splits } = await loadDataset(data, 'none')
    expect(splits.dev!.table).toBe(splits.train.table)
  })

  it('orders users: those of train sorted, then the others sorted, numbers before strings', async () => {
    const fixture = dataFixture()
    const ids = ['b', 10, 9, 'a', 'b', 10]
    fixture.train.rows.forEach((row, i) => (row.u_id = ids[i]))
    fixture.dev.rows.forEach((row, i) => (row.u_id = i < 3 ? 'a' : 100 - i))
    const data = await writeData({ train: fixture.train, dev: fixture.dev })
    const { users, trainedUsers, splits } = await loadDataset(data, 'none')
    expect(users).toEqual([9, 10, 'a', 'b', 95, 96, 97])
    expect(trainedUsers).toBe(4)
    expect([...splits.train.users]).toEqual([3, 1, 0, 2, 3, 1])
    expect([...splits.dev!.users]).toEqual([2, 2, 2, 6, 5, 4])
  })

  it('loads the chosen features only, in file order whatever the split’s own order', async () => {
    const fixture = dataFixture()
    fixture.dev.rows = fixture.dev.rows.map(({ user_a, user_b, ...row }) => ({ user_b, user_a, ...row }))
    const data = await writeData(fixture)
    const both = await loadDataset(data, ['user_b', 'user_a'])
    expect(both.featureColumns).toEqual(['user_a', 'user_b'])
    expect([...both.splits.dev!.features!]).toEqual([...both.splits.train.features!])
    const one = await loadDataset(data, ['user_b'])
    expect([...one.splits.train.features!]).toEqual([0, 0, 0, 1, 1, 1])
  })

  it('names the nearest feature for an unknown one', async () => {
    const data = await writeData(dataFixture())
    await expect(loadDataset(data, ['usr_a'])).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('Did you mean "user_a"?'),
      details: { key: 'features' },
    })
  })

  it('has no ids where the data has none', async () => {
    const { train } = dataFixture()
    train.rows.forEach((row) => delete row.id)
    expect((await loadDataset(await writeData({ train }), 'none')).splits.train.ids).toBeNull()
  })

  it('refuses data with errors and lists them all, without the warnings', async () => {
    const fixture = dataFixture()
    fixture.train.rows[1]!.chosen_emb_idx = 99
    fixture.dev.rows[0]!.u_id = null
    fixture.dev.rows[1]!.id = fixture.dev.rows[2]!.id
    const data = await writeData(fixture)
    await expect(loadDataset(data, 'none')).rejects.toMatchObject({
      code: 'data_invalid',
      message: 'The data set "fixture" has 2 errors',
      details: {
        findings: [expect.stringMatching(/row 1, column chosen_emb_idx: .*99/), expect.stringContaining('u_id')],
      },
    })
    expect((await prepareDataset(data)).dataset).toBeNull()
  })

  it('says a single error, its place and its remedy once', async () => {
    const fixture = dataFixture()
    fixture.train.rows[1]!.chosen_emb_idx = 99
    const data = await writeData(fixture)
    const error = await loadDataset(data, 'none').catch((thrown: unknown) => AppError.from(thrown))
    const text = error instanceof AppError ? formatError(error) : ''
    expect(text.split('\n')).toHaveLength(3)
    expect(text).toMatch(/99.*\n {2}at .*, row 1, column chosen_emb_idx\n {2}Indices/)
  })
})
