import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { DataConfig } from '../../shared/config/data'
import type { DataProblem } from '../../shared/domain/dataset'
import { dataFixture, jsonl, writeData, type DataFixture } from './dataFixture'
import type { DataProgress } from './prepare'
import { validateData } from './validate'

type Expected = Partial<Omit<DataProblem, 'message' | 'fix'>> & { message?: RegExp }

/** Breaks the faultless fixture, or its files, and returns what validation says. */
async function problemsOf(
  damage: (fixture: Required<DataFixture>) => void,
  damageFiles: (data: DataConfig) => void = () => undefined,
  format: 'jsonl' | 'parquet' = 'jsonl',
): Promise<readonly DataProblem[]> {
  const fixture = dataFixture()
  damage(fixture)
  const data = await writeData(fixture, format)
  damageFiles(data)
  return (await validateData(data)).problems
}

const untouched = (): void => undefined

function expectOnly(problems: readonly DataProblem[], expected: Expected): void {
  expect(problems).toHaveLength(1)
  const { message, ...rest } = expected
  expect(problems[0]).toMatchObject({ count: 1, ...rest })
  if (message) expect(problems[0]!.message).toMatch(message)
  expect(problems[0]!.fix).not.toBe('')
}

describe('validateData', () => {
  it.each(['jsonl', 'parquet'] as const)('finds nothing in faultless %s files', async (format) => {
    const report = await validateData(await writeData(dataFixture(), format))
    expect(report.problems).toEqual([])
    const summary = { width: 3, texts: 5, featureColumns: ['user_a', 'user_b'] }
    expect(report.splits).toEqual([
      { split: 'train', pairs: 6, users: 2, ...summary },
      { split: 'dev', pairs: 6, users: 2, ...summary },
      { split: 'test', pairs: 6, users: 2, ...summary },
      { split: 'test_unseen', pairs: 3, users: 1, ...summary },
    ])
  })

  it('reports every problem at once, errors first', async () => {
    const problems = await problemsOf(
      ({ train, dev, test }) => {
        train.rows[1]!.chosen_emb_idx = 99
        train.rows[4]!.chosen_emb_idx = 100
        train.rows[2]!.id = train.rows[0]!.id
        dev.rows[0]!.u_id = null
        test.vectors[3]![1] = NaN
      },
      (data) => rmSync(data.test_unseen!.df_file),
    )
    expect(problems.map(({ kind, split, count }) => [kind, split, count])).toEqual([
      ['index_out_of_range', 'train', 2],
      ['value_missing', 'dev', 1],
      ['vector_not_finite', 'test', 1],
      ['file_missing', 'test_unseen', 1],
      ['id_repeated', 'train', 1],
    ])
  })

  describe('files', () => {
    it.each(['df_file', 'text_file', 'emb_file'] as const)('reports a missing %s', async (name) => {
      let file = ''
      const problems = await problemsOf(untouched, (data) => rmSync((file = data.dev![name])))
      expectOnly(problems, { kind: 'file_missing', split: 'dev', file, severity: 'error' })
    })

    it('reports a missing vocabulary and bag of words', async () => {
      const data = await writeData(dataFixture())
      data.vocab_file = `${data.dts_path}/vocab.txt`
      data.train.bow_file = `${data.dts_path}/bow.npz`
      const { problems } = await validateData(data)
      expect(problems.map(({ kind, file }) => [kind, file])).toEqual([
        ['file_missing', data.vocab_file],
        ['file_missing', data.train.bow_file],
      ])
    })

    it('reports a folder in place of a file', async () => {
      const problems = await problemsOf(untouched, (data) => (data.dev!.emb_file = data.dts_path))
      expectOnly(problems, { kind: 'file_unreadable', split: 'dev', message: /folder/ })
    })

    it.skipIf(process.platform === 'win32')('does not wait for a FIFO or read a device', async () => {
      const problems = await problemsOf(untouched, (data) => {
        const fifo = `${data.dts_path}/fifo`
        execFileSync('mkfifo', [fifo])
        data.dev!.df_file = fifo
        data.dev!.text_file = '/dev/zero'
      })
      expect(problems.map(({ kind }) => kind)).toEqual(['file_unreadable', 'file_unreadable'])
    })

    it('reports a truncated Parquet file', async () => {
      const shorten = (data: DataConfig): void =>
        truncateSync(data.test!.df_file, readFileSync(data.test!.df_file).length - 9)
      const problems = await problemsOf(untouched, shorten, 'parquet')
      expectOnly(problems, { kind: 'file_malformed', split: 'test', message: /truncated/ })
    })

    it('reports a truncated .npy file', async () => {
      const problems = await problemsOf(untouched, (data) => truncateSync(data.test!.emb_file, 150))
      expectOnly(problems, { kind: 'file_malformed', split: 'test', message: /truncated/ })
    })

    it('reports a text_file that is no array of strings, once however many splits share it', async () => {
      const problems = await problemsOf(
        ({ dev }) => (dev.texts[1] = null),
        (data) => (data.test!.text_file = data.dev!.text_file),
      )
      expect(problems.filter(({ kind }) => kind === 'file_malformed')).toHaveLength(1)
      expect(problems[0]).toMatchObject({ kind: 'file_malformed', split: 'dev', line: 1 })
    })

    it('reports lines that are not JSON with their place, and checks the others', async () => {
      const problems = await problemsOf(untouched, ({ train }) => {
        appendFileSync(train.df_file, '{"u_id": 1,\nnull\n{"u_id": 1}\n')
      })
      expect(problems).toContainEqual(expect.objectContaining({ kind: 'row_malformed', line: 7, row: 6, count: 2 }))
      expect(problems).toContainEqual(expect.objectContaining({ kind: 'value_missing', column: 'chosen', row: 8 }))
    })
  })

  describe('embeddings', () => {
    it('reports lengths that differ', async () => {
      const problems = await problemsOf(({ dev }) => dev.vectors.push([1, 2, 3]))
      expectOnly(problems, { kind: 'length_mismatch', split: 'dev', message: /6 rows.*5 texts/ })
    })

    it('reports widths that differ between splits', async () => {
      const problems = await problemsOf(({ dev }) => (dev.vectors = dev.vectors.map((row) => [...row, 1])))
      expectOnly(problems, { kind: 'width_mismatch', split: 'dev', message: /4 numbers.*3/ })
    })

    it('reports a width that is not the embedder’s', async () => {
      const data = await writeData({ train: dataFixture().train })
      data.embedder = { provider: 'minilm', model: 'm', dim: 384, normalized: true }
      expectOnly((await validateData(data)).problems, { kind: 'width_mismatch', message: /embedder\.dim.* 384/ })
    })

    it.each([NaN, Infinity, -Infinity])('reports vectors with %d', async (bad) => {
      const problems = await problemsOf(({ train }) => {
        train.vectors[2]![0] = bad
        train.vectors[4]![1] = bad
      })
      expectOnly(problems, { kind: 'vector_not_finite', split: 'train', row: 2, count: 2 })
    })
  })

  describe('columns and values', () => {
    it.each(['u_id', 'prompt', 'chosen', 'rejected', 'chosen_emb_idx'])(
      'reports a missing column %s',
      async (column) => {
        for (const format of ['jsonl', 'parquet'] as const) {
          const drop = ({ dev }: DataFixture): void => dev!.rows.forEach((row) => delete row[column])
          expectOnly(await problemsOf(drop, untouched, format), { kind: 'column_missing', split: 'dev', column })
        }
      },
    )

    it('names the column that was probably meant', async () => {
      const rename = ({ dev }: DataFixture): void =>
        dev!.rows.forEach((row) => {
          row.choosen = row.chosen
          delete row.chosen
        })
      expectOnly(await problemsOf(rename), { kind: 'column_missing', message: /is missing; "choosen" looks like it/ })
    })

    it('suggests user_id for u_id, and never a column that has its own meaning', async () => {
      const rename = ({ dev }: DataFixture): void =>
        dev!.rows.forEach((row) => {
          row.user_id = row.u_id
          delete row.u_id
          delete row.chosen_emb_idx
        })
      const [first, second] = await problemsOf(rename)
      expect(first!.message).toBe('The column "u_id" is missing; "user_id" looks like it')
      expect(second!.message).toBe('The column "chosen_emb_idx" is missing')
    })

    it.each(['u_id', 'prompt', 'rejected', 'rejected_emb_idx', 'user_a'])('reports null in %s', async (column) => {
      for (const format of ['jsonl', 'parquet'] as const) {
        const damage = ({ dev }: DataFixture): void => [3, 5].forEach((row) => (dev!.rows[row]![column] = null))
        const expected = { kind: 'value_missing', split: 'dev', column, row: 3, count: 2 } as const
        expectOnly(await problemsOf(damage, untouched, format), expected)
      }
    })

    it.each([
      ['a fraction for an index', 'prompt_emb_idx', 0.5],
      ['a string for an index', 'prompt_emb_idx', '0'],
      ['a fraction for a user', 'u_id', 1.5],
      ['a number for a text', 'chosen', 5],
      ['a string for a feature', 'user_a', 'yes'],
    ])('reports %s', async (_what, column, value) => {
      const problems = await problemsOf(({ dev }) => (dev.rows[4]![column] = value))
      expectOnly(problems, { kind: 'value_invalid', split: 'dev', column, row: 4, line: 5 })
    })

    it.each([-1, 5, 2 ** 40])('reports index %d of 5 rows', async (index) => {
      const problems = await problemsOf(({ dev }) => (dev.rows[4]!.chosen_emb_idx = index), untouched, 'parquet')
      const expected = { kind: 'index_out_of_range', column: 'chosen_emb_idx', row: 4, message: /0 to 4/ } as const
      expectOnly(problems, { split: 'dev', ...expected })
    })

    it('reports feature columns that differ between splits', async () => {
      const problems = await problemsOf(({ dev, test }) => {
        dev.rows.forEach((row) => delete row.user_b)
        test.rows.forEach((row) => (row.user_c = 1))
      })
      expect(problems).toMatchObject([
        { kind: 'features_mismatch', split: 'dev', column: 'user_b', count: 1 },
        { kind: 'features_mismatch', split: 'test', column: 'user_c', count: 1 },
      ])
    })
  })

  describe('splits', () => {
    it('reports an empty split', async () => {
      expectOnly(await problemsOf(({ dev }) => (dev.rows = [])), { kind: 'split_empty', split: 'dev' })
    })

    it('reports unseen users who are in train', async () => {
      const problems = await problemsOf(({ test_unseen }) => (test_unseen.rows[1]!.u_id = 2))
      expectOnly(problems, { kind: 'unseen_user_in_train', split: 'test_unseen', row: 1, column: 'u_id' })
    })

    it('reports a text that is not in text_file when it must be looked up', async () => {
      const problems = await problemsOf(({ dev }) => {
        for (const row of dev.rows) for (const role of ['prompt', 'chosen', 'rejected']) delete row[`${role}_emb_idx`]
        dev.rows[2]!.chosen = 'unknown'
      })
      expectOnly(problems, { kind: 'text_not_found', split: 'dev', column: 'chosen', row: 2 })
    })
  })

  describe('warnings', () => {
    it('warns of a text that differs from the one its index points at, but not of equal texts', async () => {
      const problems = await problemsOf(({ dev }) => {
        dev.rows[2]!.chosen = 'another text'
        dev.texts[2] = dev.texts[1]
        dev.rows[0]!.chosen_emb_idx = 2
        dev.rows[1]!.chosen = dev.texts[1]
        dev.rows[4]!.chosen = dev.texts[1]
      })
      expectOnly(problems, { kind: 'text_mismatch', severity: 'warning', split: 'dev', column: 'chosen', row: 2 })
    })

    it('refuses a split most of whose rows name other texts: its text_file is not its own', async () => {
      const problems = await problemsOf(({ dev }) => {
        const rows = [...dev.rows, ...dev.rows.map((row) => ({ ...row, id: `again ${row.id}` }))]
        dev.rows.splice(0, dev.rows.length, ...rows)
        dev.texts.reverse()
      })
      expect(problems.filter(({ severity }) => severity === 'error')).toMatchObject(
        ['prompt', 'chosen', 'rejected'].map((column) => ({ kind: 'texts_misaligned', split: 'dev', column })),
      )
    })

    it('warns of equal answers, under different indices too', async () => {
      const problems = await problemsOf(({ dev }) => {
        dev.texts[3] = dev.texts[4]
        for (const row of [2, 5]) dev.rows[row]!.chosen = dev.rows[row]!.rejected
      })
      expectOnly(problems, { kind: 'chosen_equals_rejected', severity: 'warning', split: 'dev', row: 2, count: 2 })
    })

    it('warns of repeated ids within a split only, and keeps 1 and "1" apart', async () => {
      const problems = await problemsOf(({ train, dev }) => {
        dev.rows[0]!.id = train.rows[0]!.id
        dev.rows[1]!.id = 1
        dev.rows[2]!.id = '1'
        dev.rows[3]!.id = 1
      })
      expectOnly(problems, { kind: 'id_repeated', severity: 'warning', split: 'dev', column: 'id', row: 3 })
    })

    it('warns of a pair of one user in two splits, reversed too, though the indices differ', async () => {
      const problems = await problemsOf(({ train, test }) => {
        // The same texts, at other rows of another file.
        test.texts = [...train.texts].reverse()
        test.rows = [train.rows[0]!, train.rows[4]!].map((row) => ({
          ...row,
          prompt_emb_idx: 4,
          chosen_emb_idx: 4 - Number(row.chosen_emb_idx),
          rejected_emb_idx: 0,
        }))
        const { chosen, rejected, chosen_emb_idx, rejected_emb_idx } = test.rows[1]!
        Object.assign(test.rows[1]!, { chosen: rejected, rejected: chosen })
        Object.assign(test.rows[1]!, { chosen_emb_idx: rejected_emb_idx, rejected_emb_idx: chosen_emb_idx })
        // Another user's judgment of the same answers is another pair.
        test.rows.push({ ...test.rows[0]!, u_id: 9, id: 'other' })
      })
      expectOnly(problems, { kind: 'pair_in_two_splits', severity: 'warning', split: 'test', row: 0, count: 2 })
    })
  })

  it('checks only the features that are asked for', async () => {
    const fixture = dataFixture()
    fixture.dev.rows.forEach((row) => (row.user_b = 'x'))
    const data = await writeData(fixture)
    expect((await validateData(data, { features: ['user_a'] })).problems).toEqual([])
    expect((await validateData(data, { features: 'none' })).problems).toEqual([])
    expectOnly((await validateData(data, { features: ['user_b'] })).problems, { kind: 'value_invalid', count: 6 })
  })

  it('reports progress up to the whole, and stops when told to', async () => {
    const data = await writeData(dataFixture())
    const seen: DataProgress[] = []
    const signal = new AbortController()
    await validateData(data, { onProgress: (progress) => seen.push(progress) })
    expect(seen.at(-1)!.bytesRead).toBeGreaterThan(0.8 * seen.at(-1)!.bytesTotal)
    const stopped = validateData(data, { signal: signal.signal, onProgress: () => signal.abort() })
    await expect(stopped).rejects.toMatchObject({ code: 'stopped' })
  })

  it('survives files that are not what they are named', async () => {
    const problems = await problemsOf(untouched, ({ train }) => {
      writeFileSync(train.df_file, Buffer.alloc(1000, 0xfe))
      writeFileSync(train.text_file, jsonl([1, 2]))
      writeFileSync(train.emb_file, '[]')
    })
    expect(problems.filter(({ split }) => split === 'train').map(({ kind }) => kind)).toEqual([
      'file_malformed',
      'file_malformed',
      'row_malformed',
    ])
  })
})
