import type { ExperimentConfig } from '../../shared/config/experiment'
import { bt } from './bt/reference'
import { caimira } from './caimira/reference'
import { checkSizes } from './checkSizes'
import { lore } from './lore/reference'
import type { Model, Sizes } from './model'
import { model1 } from './model1/reference'
import { model2 } from './model2/reference'
import { ntm } from './ntm/reference'

/**
 * The one place that knows every model: the compiler names whatever a new one leaves out.
 *
 * @throws AppError `config_invalid` when a configured size contradicts the data
 */
export function createModel(config: ExperimentConfig, sizes: Sizes): Model {
  switch (config.model_name) {
    case 'caimira':
      checkSizes('caimira', config.caimira, sizes)
      return caimira(config.caimira, sizes)
    case 'model1':
      checkSizes('model1', config.model1, sizes)
      return model1(config.model1, sizes)
    case 'model2':
      checkSizes('model2', config.model2, sizes)
      return model2(config.model2, sizes)
    case 'ntm':
      checkSizes('ntm', config.ntm, sizes)
      return ntm(config.ntm, sizes)
    case 'lore':
      checkSizes('lore', config.lore, sizes)
      return lore(config.lore, sizes)
    case 'bt':
      checkSizes('bt', config.bt, sizes)
      return bt(config.bt, sizes)
  }
}
