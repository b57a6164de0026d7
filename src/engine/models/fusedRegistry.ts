import type { ExperimentConfig } from '../../shared/config/experiment'
import { btFused } from './bt/fused'
import { caimiraFused } from './caimira/fused'
import type { FusedModel } from './fused'
import { loreFused } from './lore/fused'
import type { Sizes } from './model'
import { model1Fused } from './model1/fused'
import { model2Fused } from './model2/fused'

/** Whether `createFusedModel` gives one. */
export const hasFusedForm = ({ model_name }: ExperimentConfig): boolean => model_name !== 'ntm'

/** A model's fused form, or null where it has none and runs on tfjs alone. */
export function createFusedModel(config: ExperimentConfig, sizes: Sizes): FusedModel | null {
  switch (config.model_name) {
    case 'caimira':
      return caimiraFused(config.caimira)
    case 'model1':
      return model1Fused(config.model1, sizes)
    case 'model2':
      return model2Fused(config.model2)
    case 'lore':
      return loreFused(config.lore)
    case 'bt':
      return btFused(config.bt)
    case 'ntm':
      return null
  }
}
