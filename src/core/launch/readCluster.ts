import path from 'node:path'
import { clusterSchema, type Cluster } from '../../shared/domain/cluster'
import { AppError } from '../../shared/errors'
import { readYamlFile } from '../config/yamlFile'
import { plainProfile } from './clusterDocument'

/**
 * A cluster's profile.
 *
 * @throws AppError `not_found` | `unreadable` | `config_invalid` with every mistake
 */
export function readCluster(file: string): Cluster {
  const { value } = readYamlFile(file)
  const parsed = clusterSchema.safeParse(plainProfile(value))
  if (parsed.success) return parsed.data
  const findings = parsed.error.issues.map(({ path: key, message }) => `${key.join('.') || 'the file'}: ${message}`)
  throw new AppError('config_invalid', `${path.basename(file)} is no cluster's profile: ${findings[0]}`, {
    file,
    findings,
    fix: 'See docs/cluster.md for its keys.',
  })
}
