import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DataConfig, SplitFiles } from '../../shared/config/data'
import type { ProblemKind } from '../../shared/domain/dataset'
import { prepareDataset } from './prepare'

const folder = resolve(import.meta.dirname, '../../../../shared/data')
const absent = !existsSync(folder)
if (absent) process.stdout.write('Real data: ../shared/data is not here, its tests are skipped.\n')

describe.skipIf(absent)('real data', () => {
  it.each(['parquet', 'jsonl'])('SimplER (%s) has no problem', async (format) => {
    const files = (split: string): SplitFiles => ({
      df_file:
        format === 'jsonl'
          ? `${folder}/simpler/df_${split}.jsonl`
          : `${folder}/simpler/dataset_pairwise_preferences_${split}_with_emb_and_ohe.parquet`,
      text_file: `${folder}/simpler/texts_${split}.json`,
      emb_file: `${folder}/simpler/emb_${split}.npy`,
      bow_file: `${folder}/simpler/bow_${split}.npz`,
    })
    const data: DataConfig = {
      dts_name: 'simpler',
      dts_path: folder,
      prefix_columns: ['user_'],
      train: files('train'),
      dev: files('dev'),
      test: files('test'),
    }
    const { report, dataset } = await prepareDataset(data)
    expect(report.problems).toEqual([])
    const featureColumns = format === 'jsonl' ? [] : ['user_fastfood_usa', 'user_meat_europe', 'user_vegan_latam']
    expect(report.splits).toEqual([
      { split: 'train', pairs: 1728, users: 3, texts: 320, width: 1536, featureColumns },
      { split: 'dev', pairs: 321, users: 3, texts: 60, width: 1536, featureColumns },
      { split: 'test', pairs: 639, users: 3, texts: 120, width: 1536, featureColumns },
    ])
    expect(dataset).toMatchObject({ users: [0, 1, 2], trainedUsers: 3 })
  })

  it('convarg has its known warnings', async () => {
    const files = (split: string): SplitFiles => ({
      df_file: `${folder}/convarg/df_${split}.parquet`,
      text_file: `${folder}/convarg/texts.json`,
      emb_file: `${folder}/convarg/emb.npy`,
    })
    const data: DataConfig = {
      dts_name: 'convarg',
      dts_path: folder,
      prefix_columns: [],
      train: files('train'),
      dev: files('dev'),
      test: files('test'),
      test_unseen: files('test_unseen'),
    }
    const { report, dataset } = await prepareDataset(data)
    expect(report.splits.map(({ pairs, users, width }) => [pairs, users, width])).toEqual([
      [30259, 378, 384],
      [3779, 378, 384],
      [3610, 378, 384],
      [10901, 66, 384],
    ])
    const counts = (kind: ProblemKind): unknown[] =>
      report.problems.filter((problem) => problem.kind === kind).map(({ split, count }) => [split, count])
    expect(counts('chosen_equals_rejected')).toEqual([
      ['train', 2],
      ['test', 1],
      ['test_unseen', 2],
    ])
    expect(counts('id_repeated')).toEqual([
      ['train', 15393],
      ['dev', 359],
      ['test', 316],
      ['test_unseen', 2573],
    ])
    expect(counts('pair_in_two_splits')).toEqual([
      ['dev', 11],
      ['test', 14],
    ])
    expect(report.problems.every(({ severity }) => severity === 'warning')).toBe(true)
    expect(dataset).toMatchObject({ trainedUsers: 378, width: 384 })
    expect(dataset!.users).toHaveLength(444)
    expect(dataset!.splits.test_unseen!.table).toBe(dataset!.splits.train.table)
  })
})
