import type { ExperimentConfig } from '../../shared/config/experiment'
import { bt } from './bt/reference'
import { caimira } from './caimira/reference'
import { checkSizes } from './checkSizes'
import { lore } from './lore/reference'
import type { Model, Sizes } from './model'

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
    case 'lore':
      checkSizes('lore', config.lore, sizes)
      return lore(config.lore, sizes)
    case 'bt':
      checkSizes('bt', config.bt, sizes)
      return bt(config.bt, sizes)
  }
}
