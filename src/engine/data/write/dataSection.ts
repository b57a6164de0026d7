import { dump } from 'js-yaml'
import type { z } from 'zod'
import type { dataSectionSchema } from '../../../shared/config/data'

/** A section of a data configuration as YAML, ready to be a file of its own or to be pasted into one. */
export function dataSectionYaml(name: string, section: z.input<typeof dataSectionSchema>): string {
  return dump({ [name]: section }, { flowLevel: 2, lineWidth: 200 })
}

/** The name of the configuration that lies in a data set's own folder, so that the folder can be moved as a whole. */
export const DATA_CONFIG_FILE = 'data_configs.yaml'
