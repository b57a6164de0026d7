import { resolve } from 'node:path'
import type { ExperimentInput } from '../../shared/api/requests'

/** POSIX shell quoting. */
export function quote(argument: string): string {
  // A leading = is a command's path in zsh.
  return /^[\w@%+:,./-][\w@%+=:,./-]*$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
}

/**
 * The command that does what a window was asked to do.
 *
 * @param seeds `1..16`: one run each. What a seed of the experiment itself decides is then the order of the pairs.
 */
export function commandOf(experiment: ExperimentInput, logDir: string, seeds?: string | null): string {
  const { changes, ...flags } = seeds ? withDataSeed(experiment) : experiment
  const given = Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}`, String(value)],
  )
  const written = Object.entries(changes).map(([key, value]) => setting(key, value, flags.model_name))
  // Short flags first: what is changed most often is read first.
  const settings = [
    ...written.filter(([flag]) => flag !== '--set'),
    ...written.filter(([flag]) => flag === '--set'),
  ].flat()
  const log = logDir === resolve('lightning_logs') ? [] : ['--log_dir', logDir]
  const many = seeds ? ['--seeds', seeds.replaceAll(' ', '')] : []
  return ['npm run -s delta -- train', ...[...given, ...settings, ...many, ...log].map(quote)].join(' ')
}

/** `--seed` and `--seeds` say two things. */
function withDataSeed({ changes, ...settings }: ExperimentInput): ExperimentInput {
  const { 'trainer.seed': seed, ...others } = changes
  return { ...settings, changes: { ...(typeof seed === 'number' && { 'trainer.data_seed': seed }), ...others } }
}

/** Keys that have flags of their own. */
const FLAGS = ['batch_size', 'patience', 'seed', 'max_epochs', 'learning_rate'].map((name) => `trainer.${name}`)

function setting(key: string, value: unknown, model = 'caimira'): string[] {
  const short = value !== null && (FLAGS.includes(key) || key === `${model}.n_dim`)
  return short ? [`--${key.slice(key.indexOf('.') + 1)}`, asYaml(value)] : ['--set', `${key}=${asYaml(value)}`]
}

/** As `--set` reads it back. */
export function asYaml(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z][\w.-]*$/.test(value) ? value : JSON.stringify(value)
}
