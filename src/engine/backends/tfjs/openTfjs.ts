import type { BackendChoice } from '../../../shared/config/experiment'
import { createModel } from '../../models/registry'
import { sizesOf } from '../../models/sizesOf'
import type { Backend } from '../openBackend'
import { loadBackend } from './loadBackend'
import { TfjsExecution } from './tfjsExecution'

/**
 * The models' references on a tfjs backend.
 *
 * @param cardMemory GiB of a graphics card that may be taken
 */
export async function openTfjs(choice: BackendChoice, cardMemory?: number): Promise<Backend> {
  const loaded = await loadBackend(choice, cardMemory)
  return {
    name: loaded.name,
    why: loaded.why,
    onCard: loaded.onCard === true,
    together: false,
    execute: (configs, dataset) =>
      Promise.resolve(
        configs.map(
          (config) => new TfjsExecution(createModel(config, sizesOf(dataset)), dataset, config.trainer, loaded),
        ),
      ),
    close() {},
  }
}
