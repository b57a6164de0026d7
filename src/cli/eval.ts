import { InvalidArgumentError, Option, type Command } from 'commander'
import { savedExperiment } from '../core/config/savedExperiment'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { runInEngine } from '../core/engine/runInEngine'
import { findRun } from '../core/runs/findRun'
import { storedEvaluation, storeEvaluation } from '../core/runs/storedEvaluation'
import {
  DEFAULT_RESAMPLES,
  EVALUATED_SPLITS,
  type ComparisonName,
  type EvaluatedSplit,
  type Evaluation,
  type Figure,
} from '../shared/domain/evaluation'
import { isActive } from '../shared/domain/lifecycle'
import { AppError } from '../shared/errors'
import { here, plural } from './dataSet'
import { formatFigure, formatTable } from './format'
import { onInterrupt } from './interrupt'
import { createOutput, type Output } from './output'
import { configRoots, enginePath } from './roots'

interface EvalOptions {
  split: EvaluatedSplit
  resamples: number
  log_dir: string
  json?: boolean
}

const MOST_RESAMPLES = 100_000

export function addEval(program: Command, exit: (code: number) => void): void {
  program
    .command('eval')
    .description('Show how well a run predicts people: intervals over users, baselines, controls, slices')
    .argument('<run>', 'id, exp_name/exp_version or folder')
    .addOption(new Option('--split <name>', 'pairs to judge by').choices([...EVALUATED_SPLITS]).default('test'))
    .option('--resamples <n>', 'resamples of the users', parseResamples, DEFAULT_RESAMPLES)
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
    .option('--json', 'print one JSON object')
    .action(async (run: string, options: EvalOptions) => exit(await evaluate(run, options)))
}

async function evaluate(reference: string, options: EvalOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { split, resamples } = options
  const run = await findRun(reference, { cwd: configRoots().cwd, logDir: here(options.log_dir) })
  if (isActive(run.status))
    throw new AppError('usage', `The run ${run.exp_name}/${run.exp_version} is still running`, {
      fix: 'It is evaluated when it ends.',
    })
  const stored = resamples === DEFAULT_RESAMPLES ? await storedEvaluation(run.dir, run, split) : null
  const evaluation = stored ?? (await compute(run.dir, options, output))
  // Fewer or more resamples than a run makes are somebody's own question.
  if (!stored && resamples === DEFAULT_RESAMPLES)
    await storeEvaluation(run.dir, evaluation).catch((thrown: unknown) =>
      output.warn(`Warning: ${AppError.from(thrown).message}`),
    )
  report(evaluation, output)
  output.object({ type: 'result', runId: run.id, dir: run.dir, ...evaluation })
  return 0
}

async function compute(dir: string, { split, resamples }: EvalOptions, output: Output): Promise<Evaluation> {
  const answer = await runInEngine(
    childProcessSpawner(enginePath),
    { type: 'evaluate', config: savedExperiment({ dir }), run: dir, split, resamples },
    () => {},
    onInterrupt(() => output.warn('Stopping.')),
  )
  if (answer.type !== 'evaluation') throw new AppError('engine_protocol', 'The engine answered another question')
  return answer.evaluation
}

const LABELS: Record<ComparisonName, string> = {
  bt: 'bt, one reward for all',
  base_reward: 'base reward alone',
  majority: 'majority of the others',
  shuffled_users: 'users shuffled',
  generic_user: 'generic user',
}

function report(evaluation: Evaluation, output: Output): void {
  const { split, pairs, users, known_users, checkpoint, bootstrap, worst_decile, calibration, kendall } = evaluation
  output.say(`${split}: ${plural(pairs, 'pair')} of ${plural(users, 'user')}, ${known_users} of them known to training`)
  output.say(
    `${checkpoint.name} checkpoint, epoch ${checkpoint.epochs}; 95 % intervals, ${plural(bootstrap.resamples, 'resample')} of the users`,
  )
  if (evaluation.leak.leaks)
    output.warn('Warning: this model leaks (it sees which answer was chosen), so these figures are no result')
  table(
    output,
    ['', 'value', '95 % interval'],
    [
      ['accuracy over pairs', ...percent(evaluation.accuracy)],
      ['accuracy, mean of users', ...percent(evaluation.user_accuracy)],
      [`worst decile (${plural(worst_decile.users, 'user')})`, ...percent(worst_decile.accuracy)],
      ['over users shuffled, points', ...lead(evaluation.user_vector)],
      ['NLL', ...figure(evaluation.nll)],
      ['Brier', ...figure(evaluation.brier)],
      ['ECE', formatFigure(calibration.ece), ''],
      ['AUC, pairs and swapped pairs', evaluation.auc === null ? '–' : formatFigure(evaluation.auc), ''],
      ...(kendall ? [[`Kendall's τ (${plural(kendall.users, 'user')})`, ...figure(kendall.tau)]] : []),
    ],
  )
  table(
    output,
    ['held against', 'pairs', 'accuracy', '95 % interval', 'model, points more', '95 % interval'],
    evaluation.comparisons.map(({ name, pairs: some, accuracy, difference }) => [
      ...[LABELS[name], String(some)],
      ...percent(accuracy),
      ...lead(difference),
    ]),
  )
  table(
    output,
    ['user', 'prompt', 'pairs', 'users', 'accuracy', '95 % interval'],
    evaluation.cells
      .filter((cell) => cell.pairs > 0)
      .map((cell) => [cell.user, cell.prompt, String(cell.pairs), String(cell.users), ...percent(cell.accuracy)]),
  )
  for (const { column, values } of evaluation.slices)
    table(
      output,
      [column, 'pairs', 'users', 'accuracy', '95 % interval', 'over bt, points', '95 % interval'],
      values.map((slice) => [
        ...[slice.value, String(slice.pairs), String(slice.users)],
        ...percent(slice.accuracy),
        ...lead(slice.lift),
      ]),
    )
}

function table(output: Output, header: readonly string[], rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return
  output.say('')
  for (const line of formatTable(header, rows)) output.say(line)
}

const points = (value: number): string => (100 * value).toFixed(1)

function percent(shown: Figure): [string, string] {
  return shown ? [`${points(shown.value)} %`, `${points(shown.low)} to ${points(shown.high)}`] : ['–', '']
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${points(Math.abs(value))}`

/** A difference of accuracies, in points. */
function lead(shown: Figure): [string, string] {
  return shown ? [signed(shown.value), `${signed(shown.low)} to ${signed(shown.high)}`] : ['–', '']
}

function figure(shown: Figure): [string, string] {
  return shown ? [formatFigure(shown.value), `${formatFigure(shown.low)} to ${formatFigure(shown.high)}`] : ['–', '']
}

function parseResamples(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > MOST_RESAMPLES)
    throw new InvalidArgumentError(`give a whole number from 1 to ${MOST_RESAMPLES}`)
  return value
}
