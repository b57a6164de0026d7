import { experimentSchema, type ExperimentConfig, type ModelName } from '../../shared/config/experiment'

/** For tests: the configuration of a model with its defaults, and data that is handed over in memory. */
export function experiment(model: ModelName, trainer: object = {}, section: object = {}): ExperimentConfig {
  const files = { df_file: '-', text_file: '-', emb_file: '-' }
  return experimentSchema.parse({
    data: { dts_name: 'synthetic', dts_path: '/', train: files },
    model_name: model,
    trainer,
    [model]: section,
  })
}
