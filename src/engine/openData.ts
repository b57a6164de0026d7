import type { ExperimentConfig } from '../shared/config/experiment'
import type { DataProblem } from '../shared/domain/dataset'
import { withBagsOfWords } from './data/bow'
import type { Dataset } from './data/dataset'
import type { AllocateTable } from './data/embeddingTable'
import { dataInvalid } from './data/loadDataset'
import { prepareDataset } from './data/prepare'
import { needsBagOfWords } from './models/traits'
import { withBaseReward } from './rewards/baseReward'

/**
 * Reads and checks everything that an experiment needs of its data: pairs, vectors, features, base rewards, words.
 *
 * @param allocate gives the memory that embedding files are read into; ordinary memory by default
 * @throws AppError `data_invalid` with every error found, `config_invalid`, `stopped`
 */
export async function openData(
  config: ExperimentConfig,
  stop: AbortSignal,
  { allocate }: { allocate?: AllocateTable } = {},
): Promise<{ dataset: Dataset; problems: readonly DataProblem[] }> {
  const { dataset, report } = await prepareDataset(config.data, {
    features: config.features,
    tableDtype: config.trainer.table_dtype,
    allocate,
    signal: stop,
  })
  if (!dataset) throw dataInvalid(config.data.dts_name, report.problems)
  const rewarded = await withBaseReward(dataset, config, stop)
  const complete = needsBagOfWords(config) ? await withBagsOfWords(rewarded, config.data, stop) : rewarded
  return { dataset: complete, problems: report.problems }
}
