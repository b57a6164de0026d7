import { type Command } from 'commander'
import { savedExperiment } from '../core/config/savedExperiment'
import { predictTexts } from '../core/embed/predictTexts'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { findRun } from '../core/runs/findRun'
import type { PredictionSummary } from '../shared/domain/prediction'
import { AppError } from '../shared/errors'
import { count, here, plural } from './dataSet'
import { cacheFolder, EmbedReporter, makeEmbedder, withService, type ServiceOptions } from './embedOptions'
import { formatFigure } from './format'
import { onInterrupt } from './interrupt'
import { createOutput, type Output } from './output'
import { configRoots, enginePath } from './roots'

interface PredictOptions extends ServiceOptions {
  input: string
  output: string
  text_file?: string
  emb_file?: string
  log_dir: string
  json?: boolean
}

export function addPredict(program: Command, exit: (code: number) => void): void {
  const command = program
    .command('predict')
    .description('Predict pairs with a trained run; raw text is embedded by what the run recorded of its embedder')
    .argument('<run>', 'id, exp_name/exp_version or folder')
    .requiredOption('--input <file>', 'pairs: u_id, prompt, chosen, rejected; JSON Lines or Parquet')
    .requiredOption('--output <file>', 'u_id, id, margin z, probability p: .parquet, .jsonl or .csv')
    .option('--text_file <file>', 'texts that the pairs index or that their vectors stand for')
    .option('--emb_file <file>', 'vectors of those texts, made by the embedder of the run')
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
  withService(command)
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (run: string, options: PredictOptions) => exit(await predict(run, options)))
}

async function predict(reference: string, options: PredictOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { cwd } = configRoots()
  const { text_file, emb_file } = options
  if ((text_file === undefined) !== (emb_file === undefined))
    throw new AppError('usage', '--text_file and --emb_file belong together', { fix: 'Give both or neither.' })
  const run = await findRun(reference, { cwd, logDir: here(options.log_dir) })
  const config = savedExperiment(run)
  let reporter: EmbedReporter | undefined
  const summary = await predictTexts(
    {
      config,
      run: run.dir,
      runId: run.id,
      input: here(options.input),
      output: here(options.output),
      ...(text_file !== undefined &&
        emb_file !== undefined && { vectors: { text_file: here(text_file), emb_file: here(emb_file) } }),
      cacheFolder: cacheFolder(options),
      embedder: (recorded) => {
        const embedder = makeEmbedder(recorded, options, output)
        reporter = new EmbedReporter(output, embedder, options.price)
        return embedder
      },
    },
    childProcessSpawner(enginePath),
    {
      onEstimate: (estimate) => reporter?.estimate(estimate),
      onProgress: (progress) => reporter?.progress(progress),
    },
    onInterrupt(() => output.warn('Stopping.')),
  )
  report(summary, options, output)
  return 0
}

function report(summary: PredictionSummary, { output: file }: PredictOptions, output: Output): void {
  const { pairs, known_users, new_users, acc, nll, leaks } = summary
  output.say(`${plural(pairs, 'pair')} → ${file}`)
  output.say(`  ${plural(known_users, 'known user')}, ${plural(new_users, 'new one')} answered for as the generic user`)
  output.say(
    `  the chosen answer is preferred in ${(100 * acc).toFixed(1)} %, nll ${formatFigure(nll)} (${count(pairs)} pairs)`,
  )
  if (leaks) output.warn('Warning: this model leaks (it sees which answer was chosen), so these figures are no result')
  output.object(summary)
}
