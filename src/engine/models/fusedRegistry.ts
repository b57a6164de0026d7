import type { ExperimentConfig } from '../../shared/config/experiment'
import { btFused } from './bt/fused'
import { caimiraFused } from './caimira/fused'
import { checkSizes } from './checkSizes'
import type { FusedModel } from './fused'
import { loreFused } from './lore/fused'
import type { Sizes } from './model'
import { model1Fused } from './model1/fused'
import { model2Fused } from './model2/fused'

/**
 * A model's fused form, or null where it has none and runs on tfjs alone.
 *
 * @throws AppError `config_invalid` when a configured size contradicts the data
 */
export function createFusedModel(config: ExperimentConfig, sizes: Sizes): FusedModel | null {
  switch (config.model_name) {
    case 'caimira':
      checkSizes('caimira', config.caimira, sizes)
      return caimiraFused(config.caimira, sizes)
    case 'model1':
      checkSizes('model1', config.model1, sizes)
      return model1Fused(config.model1, sizes)
    case 'model2':
      checkSizes('model2', config.model2, sizes)
      return model2Fused(config.model2, sizes)
    case 'lore':
      checkSizes('lore', config.lore, sizes)
      return loreFused(config.lore, sizes)
    case 'bt':
      checkSizes('bt', config.bt, sizes)
      return btFused(config.bt, sizes)
    case 'ntm':
      return null
  }
}
