import { clusterSchema, type Cluster } from '../../shared/domain/cluster'
import type { CheckedCluster } from '../../shared/domain/clusters'
import type { ShownValue } from '../../shared/domain/experiment'
import { explain } from '../../shared/config/explain'
import { AppError } from '../../shared/errors'
import { editYaml } from '../config/editYaml'
import { YamlMistake, parseYaml, type YamlText } from '../config/yamlText'
import { placed, shownValue, unreadable } from '../experiment/document'

const KEYS = Object.keys(clusterSchema.shape)

/** Reads a profile's text: every mistake in it with its place, or the profile. */
export function readClusterText(yaml: string): Omit<CheckedCluster, 'yaml'> & { cluster: Cluster | null } {
  let text: YamlText
  try {
    text = parseYaml(yaml)
  } catch (thrown) {
    return { readable: false, values: {}, problems: [unreadable(yaml, thrown)], cluster: null }
  }
  const raw = plainProfile(text.value)
  const values = Object.fromEntries(
    Object.entries(Object(raw)).flatMap(([key, value]) => (KEYS.includes(key) ? [[key, shownValue(value)]] : [])),
  )
  const parsed = clusterSchema.safeParse(raw)
  if (parsed.success) return { readable: true, values, problems: [], cluster: parsed.data }
  const problems = explain(clusterSchema, raw, parsed.error).map((finding) => placed(text, finding))
  return { readable: true, values, problems, cluster: null }
}

/** Words of sbatch that YAML takes for numbers where nothing else stands in them. */
const WORDS = ['time', 'memory', 'gpus']

/** A key without a value says nothing, as an empty text does. */
export function plainProfile(value: unknown): unknown {
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]: [string, unknown]) =>
      one === null ? [] : [[key, typeof one === 'number' && WORDS.includes(key) ? String(one) : one]],
    ),
  )
}

/**
 * Changes of a form, made in the text one by one; a text that is no YAML stays as it is.
 *
 * @throws AppError `config_invalid` for a key that no profile has
 */
export function withClusterChanges(yaml: string, changes: Readonly<Record<string, ShownValue>>): string {
  let text = yaml
  for (const [key, value] of Object.entries(changes)) {
    const at = KEYS.indexOf(key)
    if (at < 0)
      throw new AppError('config_invalid', `There is no key "${key.slice(0, 100)}"`, { key: key.slice(0, 100) })
    try {
      text = editYaml(text, [key], value ?? undefined, KEYS.slice(0, at), true)
    } catch (thrown) {
      if (!(thrown instanceof YamlMistake)) throw thrown
    }
  }
  return text
}

/**
 * The profile of a text.
 *
 * @throws AppError `config_invalid` with every finding
 */
export function soundCluster(yaml: string): Cluster {
  const { cluster, problems } = readClusterText(yaml)
  if (cluster) return cluster
  const findings = problems.map(({ line, key, message }) => `line ${line}, ${key || 'the text'}: ${message}`)
  throw new AppError(
    'config_invalid',
    findings.length === 1 ? findings[0]! : `${findings.length} mistakes in the profile`,
    findings.length === 1 ? {} : { findings },
  )
}
