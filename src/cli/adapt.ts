import fs from 'node:fs'
import path from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { savedExperiment } from '../core/config/savedExperiment'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { runInEngine } from '../core/engine/runInEngine'
import { findRun } from '../core/runs/findRun'
import { AppError, ERROR_EXIT_CODES, messageOf } from '../shared/errors'
import {
  PAIR_CHOICES,
  USUAL_K,
  USUAL_REPEATS,
  type AdaptationResult,
  type PairChoice,
} from '../shared/domain/adaptation'
import { formatFigure, formatTable } from './format'
import { onInterrupt } from './interrupt'
import { createOutput } from './output'
import { configRoots, enginePath } from './roots'
import { workProgress } from './workProgress'

interface AdaptCommandOptions {
  input: string
  text_file?: string
  emb_file?: string
  user?: string
  choose: PairChoice
  k: number[]
  repeats: number
  seed: number
  output?: string
  log_dir: string
  json?: boolean
}

/** More pairs than any user has. */
const ALL_PAIRS = 1_000_000

export function addAdapt(program: Command, exit: (code: number) => void): void {
  program
    .command('adapt')
    .description("Fit new users' own rows on k of their pairs, everything else frozen, and show accuracy against k")
    .argument('<run>', 'id, exp_name/exp_version or folder')
    .requiredOption('--input <file>', 'pairs of new users, JSON Lines or Parquet')
    .option('--text_file <file>', "texts that the pairs index (default: those of the run's test_unseen, else train)")
    .option('--emb_file <file>', 'vectors of those texts')
    .option('--k <list>', 'numbers of pairs to fit on, e.g. 1,2,8; all uses half of what each user has', parseK, [
      ...USUAL_K,
    ])
    .addOption(
      new Option('--choose <how>', 'which pairs to fit on: by chance, or those that tell most of a user')
        .choices(PAIR_CHOICES)
        .default('random'),
    )
    .option('--user <id>', 'only this one of the users')
    .option('--repeats <n>', 'random choices of those pairs', natural, USUAL_REPEATS)
    .option('--seed <n>', 'seed of the choices', natural, 0)
    .option('--output <file>', "write each user's row, fitted on all pairs, as JSON")
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (run: string, options: AdaptCommandOptions) => exit(await adapt(run, options)))
}

async function adapt(reference: string, options: AdaptCommandOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { cwd } = configRoots()
  const run = await findRun(reference, { cwd, logDir: path.resolve(cwd, options.log_dir) })
  const config = savedExperiment(run)
  const texts = config.data.test_unseen ?? config.data.train
  const target = options.output === undefined ? undefined : path.resolve(cwd, options.output)
  if (target !== undefined) refuseFolder(target)
  const frame = await runInEngine(
    childProcessSpawner(enginePath),
    {
      type: 'adapt',
      config,
      run: run.dir,
      runId: run.id,
      input: {
        ...(options.text_file === undefined ? texts : { emb_file: texts.emb_file, text_file: texts.text_file }),
        df_file: path.resolve(cwd, options.input),
        ...(options.text_file !== undefined && { text_file: path.resolve(cwd, options.text_file) }),
        ...(options.emb_file !== undefined && { emb_file: path.resolve(cwd, options.emb_file) }),
      },
      ...(options.user !== undefined && { user: options.user }),
      choose: options.choose,
      k: options.k,
      repeats: Math.max(1, options.repeats),
      seed: options.seed,
    },
    workProgress(output),
    onInterrupt(() => output.warn('Stopping.')),
  )
  if (frame.type !== 'adaptation') return ERROR_EXIT_CODES.engine_protocol
  report(frame.adaptation, output)
  if (target !== undefined) {
    try {
      fs.writeFileSync(target, `${JSON.stringify(frame.adaptation.users, null, 2)}\n`)
    } catch (cause) {
      throw new AppError('unwritable', `${target} cannot be written: ${messageOf(cause)}`, { file: target }, cause)
    }
    output.say(`Rows of ${frame.adaptation.users.length} users: ${options.output}`)
  }
  return 0
}

/** Before anything is computed: a result that cannot be written is lost. */
function refuseFolder(file: string): void {
  if (fs.existsSync(file) && fs.statSync(file).isDirectory())
    throw new AppError('usage', `${file} is a folder`, { file, fix: 'Give --output the name of a file.' })
  if (!fs.existsSync(path.dirname(file)))
    throw new AppError('not_found', `There is no folder ${path.dirname(file)}`, {
      file,
      fix: 'Make it, or write elsewhere.',
    })
}

function report(adaptation: AdaptationResult, output: ReturnType<typeof createOutput>): void {
  const { users_judged, pairs, repeats, curve, bt, leaks, choose } = adaptation
  output.say(
    `${users_judged} new users, ${pairs.toLocaleString('en')} pairs; half of each user's pairs judge, k ${choose} ones of the others fit, ${repeats} repetitions`,
  )
  if (leaks) output.warn('Warning: this model leaks (it sees which answer was chosen), so these figures are no result')
  const percent = (value: number): string => (100 * value).toFixed(1)
  const rows = curve.map(({ k, acc, low, high, nll }) => [
    k === 0 ? '0 (generic)' : String(k),
    `${percent(acc)} %`,
    `${percent(low)} – ${percent(high)}`,
    formatFigure(nll),
  ])
  if (bt) rows.push(['bt, for everybody', `${percent(bt.acc)} %`, '', formatFigure(bt.nll)])
  for (const line of formatTable(['k', 'accuracy', '95 % over repetitions', 'nll'], rows)) output.say(line)
  output.object(adaptation)
}

function parseK(text: string): number[] {
  const numbers = text.split(',').map((part) => (part.trim() === 'all' ? ALL_PAIRS : natural(part)))
  return [...new Set([0, ...numbers])].sort((a, b) => a - b)
}

function natural(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('give a whole number, 0 or more')
  return value
}
