import path from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { SCORE_PROVIDERS, type ScoreProvider } from '../core/score/protocol'
import { scoreDataset, type ScoreProgress, type ScoreResult } from '../core/score/scoreDataset'
import { Secret } from '../core/http/secret'
import { ERROR_EXIT_CODES } from '../shared/errors'
import { openDataSet, withDataSet, type DataSetOptions } from './dataSet'
import { formatDuration } from './format'
import { onInterrupt } from './interrupt'
import { createOutput, type Output } from './output'
import { configRoots, enginePath } from './roots'

interface ScoreOptions extends DataSetOptions {
  url: string
  provider: ScoreProvider
  model?: string
  key_env?: string
  batch: number
  concurrency: number
  timeout: number
  attempts: number
  output: string
  cache?: string
  json?: boolean
}

/** Where lines cannot be rewritten, progress and retries are told at most this often. */
const LINE_EVERY_MS = 2_000

export function addDataScore(data: Command, exit: (code: number) => void): void {
  withDataSet(
    data
      .command('score')
      .description('Have a reward model score every answer, and write the tables that --rw_model_name map_rw reads'),
  )
    .requiredOption('--url <url>', 'address of the scorer; for openai its base, e.g. http://localhost:8000/v1')
    .addOption(
      new Option(
        '--provider <name>',
        'http: {"pairs":[{"prompt","answer"}]} → {"rewards":[…]}; ' +
          'openai: POST <url>/score as vLLM serves it, {"model","text_1":[prompts],"text_2":[answers]} → {"data":[{"index","score"}]}',
      )
        .choices(SCORE_PROVIDERS)
        .default('http'),
    )
    .option('--model <name>', 'model, where the scorer has several')
    .option('--key_env <name>', 'environment variable that holds the key (sent as a bearer token, never stored)')
    .option('--batch <n>', 'pairs a request', positive(true), 32)
    .option('--concurrency <n>', 'requests at once', positive(true), 4)
    .option('--timeout <seconds>', 'of one request', positive(false), 60)
    .option('--attempts <n>', 'how often a failing request is sent before giving up', positive(true), 6)
    .requiredOption('--output <path>', 'folder (one table a split), or a .parquet file for splits that share text_file')
    .option('--cache <file>', 'rewards so far, to go on from (default: reward_cache.jsonl beside the tables)')
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (options: ScoreOptions) => exit(await score(options)))
}

async function score(options: ScoreOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const roots = configRoots()
  const { data } = openDataSet(options)
  const key = Secret.fromEnvironment(options.key_env, process.env)
  if (key.isSet && isUnprotected(options.url)) output.warn('Warning: the key travels unencrypted over http://')
  const stop = onInterrupt(() =>
    output.warn('Stopping: rewards on their way are awaited and kept. Press Ctrl-C again to end at once.'),
  )
  const reporter = new ScoreReporter(output)
  const { url, provider, model, batch, concurrency, attempts, timeout } = options
  const result = await scoreDataset(
    {
      data,
      url,
      provider,
      ...(model !== undefined && { model }),
      key,
      batch,
      concurrency,
      attempts,
      timeoutMs: 1000 * timeout,
      output: path.resolve(roots.cwd, options.output),
      ...(options.cache !== undefined && { cache: path.resolve(roots.cwd, options.cache) }),
    },
    childProcessSpawner(enginePath),
    {
      onProgress: (progress) => reporter.progress(progress),
      onRetry: (problem, wait) => reporter.retry(problem, wait),
    },
    stop,
  )
  reporter.result(result, data.dts_path)
  return result.status === 'stopped' ? ERROR_EXIT_CODES.stopped : 0
}

class ScoreReporter {
  readonly #output: Output
  #told = -Infinity
  #warned = -Infinity

  constructor(output: Output) {
    this.#output = output
  }

  progress(progress: ScoreProgress): void {
    this.#output.status(progressLine(progress))
    const now = performance.now()
    if (this.#output.live || now - this.#told < LINE_EVERY_MS) return
    this.#told = now
    this.#output.say(progressLine(progress))
    this.#output.object({ type: 'progress', ...progress })
  }

  retry(problem: string, waitMs: number): void {
    const now = performance.now()
    if (now - this.#warned < LINE_EVERY_MS) return
    this.#warned = now
    this.#output.warn(`Trying again in ${formatDuration(waitMs / 1000)}: ${problem}`)
  }

  result(result: ScoreResult, dtsPath: string): void {
    const { status, total, cached, scored, tables, cache } = result
    this.#output.object({ type: 'result', ...result })
    const count = (n: number): string => n.toLocaleString('en')
    if (status === 'stopped') {
      this.#output.say(`Stopped: ${count(cached + scored)} of ${count(total)} rewards are in ${cache}`)
      this.#output.say('  The same command goes on from there.')
      return
    }
    this.#output.say(`Done: ${count(scored)} pairs scored, ${count(cached)} from the cache`)
    this.#output.say('  Put these into the data configuration, and train with --rw_model_name map_rw:')
    for (const { file, splits, pairs } of tables)
      for (const split of splits)
        this.#output.say(
          `  ${split}: reward_file: ${shorter(file, path.relative(dtsPath, file))}  (${count(pairs)} pairs)`,
        )
  }
}

/** A path in the data configuration counts from `dts_path`, or is absolute. */
function shorter(a: string, b: string): string {
  return a.length < b.length ? a : b
}

/** `1,024/20,000 pairs  210 pairs/s  1 min 30 s left  512 from the cache` */
function progressLine({ done, total, cached, pairsPerSecond, secondsLeft }: ScoreProgress): string {
  return [
    `${done.toLocaleString('en')}/${total.toLocaleString('en')} pairs`,
    ...(pairsPerSecond > 0 ? [`${pairsPerSecond.toPrecision(3)} pairs/s`] : []),
    ...(Number.isFinite(secondsLeft) ? [`${formatDuration(secondsLeft)} left`] : []),
    ...(cached > 0 ? [`${cached.toLocaleString('en')} from the cache`] : []),
  ].join('  ')
}

function isUnprotected(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
}

function positive(whole: boolean): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && value > 0 && Number.isFinite(value) && (!whole || Number.isSafeInteger(value)))
      return value
    throw new InvalidArgumentError(`give a ${whole ? 'whole ' : ''}number greater than 0`)
  }
}
