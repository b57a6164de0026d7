import { Option, type Command } from 'commander'
import { embedDataset, type EmbedResult } from '../core/embed/embedDataset'
import { EMBED_PROVIDERS, type EmbedProvider } from '../core/embed/providers'
import { VECTOR_TYPES, type VectorType } from '../core/embed/vectorFile'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { ERROR_EXIT_CODES } from '../shared/errors'
import { count, openDataSet, record, withDataSet, type DataSet, type DataSetOptions } from './dataSet'
import { cacheFolder, EmbedReporter, makeEmbedder, withService, type ServiceOptions } from './embedOptions'
import { onInterrupt } from './interrupt'
import { createOutput, type Output } from './output'
import { configRoots, enginePath, shownPath } from './roots'

interface EmbedOptions extends DataSetOptions, ServiceOptions {
  provider: EmbedProvider
  model?: string
  dtype: VectorType
  normalize: boolean
  dry_run?: boolean
  replace?: boolean
  json?: boolean
}

export function addDataEmbed(data: Command, exit: (code: number) => void): void {
  const command = withDataSet(
    data.command('embed').description('Give every text of a data set its vector, and the pairs their index columns'),
  )
    .addOption(
      new Option('--provider <name>', 'minilm: on this machine, no network; openai: any service with OpenAI’s API')
        .choices([...EMBED_PROVIDERS])
        .default('minilm'),
    )
    .option('--model <name>', 'openai: model (default: text-embedding-3-small)')
  withService(command)
    .addOption(new Option('--dtype <type>', 'of the written vectors').choices([...VECTOR_TYPES]).default('float32'))
    .option('--no-normalize', 'keep the length of the vectors (default: length 1)')
    .option('--dry_run', 'say what it would take, and do nothing')
    .option('--replace', 'make vectors anew that another model has made')
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (options: EmbedOptions) => exit(await embed(options)))
}

async function embed(options: EmbedOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const set = openDataSet(options)
  const embedder = makeEmbedder(options, options, output)
  const reporter = new EmbedReporter(output, embedder, options.price)
  const result = await embedDataset(
    {
      data: set.data,
      embedder,
      cacheFolder: cacheFolder(options),
      type: options.dtype,
      normalize: options.normalize,
      dryRun: options.dry_run === true,
      replace: options.replace === true,
    },
    childProcessSpawner(enginePath),
    {
      onEstimate: (estimate) => reporter.estimate(estimate),
      onProgress: (progress) => reporter.progress(progress),
    },
    onInterrupt(() =>
      output.warn('Stopping: vectors on their way are awaited and kept. Press Ctrl-C again to end at once.'),
    ),
  )
  report(result, set, output)
  output.object({ type: 'result', dts_name: set.data.dts_name, ...result })
  return result.status === 'stopped' ? ERROR_EXIT_CODES.stopped : 0
}

function report(
  { status, estimate, embedded, files, index, embedder, cache }: EmbedResult,
  set: DataSet,
  output: Output,
): void {
  const { cwd } = configRoots()
  if (status === 'stopped') {
    output.say(`Stopped: ${count(estimate.cached + embedded)} of ${count(estimate.texts)} vectors are in ${cache}`)
    output.say('  The same command goes on from there.')
  }
  if (!embedder) return
  output.say(`Done: ${count(embedded)} texts embedded, ${count(estimate.cached)} from the cache`)
  for (const { file, texts } of files) output.say(`  ${shownPath(cwd, file)}: ${count(texts)} × ${embedder.dim}`)
  for (const file of index?.indexed ?? []) output.say(`  ${shownPath(cwd, file)}: index columns added`)
  record(set, { embedder }, output)
}
