import path from 'node:path'
import type { FromEngine } from '../shared/api/engineProtocol'
import type { ExperimentConfig } from '../shared/config/experiment'
import { parseSeeds, seedsResult, withSeed, type SeedsResult, type Spread } from '../shared/domain/seeds'
import { AppError, ERROR_EXIT_CODES } from '../shared/errors'
import { runInEngine } from '../core/engine/runInEngine'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { lazyHistory } from '../core/service/openHistory'
import { TogetherRecorders } from '../core/service/togetherRecorders'
import { formatDuration, formatFigure } from './format'
import type { Output } from './output'
import { takeEarly } from './earlyEngine'
import { commandLine, enginePath } from './roots'

/** Where lines cannot be rewritten, progress is printed at most this often. */
const LINE_EVERY_MS = 1_000

export interface SeedsOptions {
  seeds: string
  config: ExperimentConfig
  warnings: string[]
  logDir: string
  /** Folder of the history, where one is given. */
  dataDir?: string
  cwd: string
  /** The arguments of the command line, to be repeated for each run. */
  args: readonly string[]
}

/** `delta train --seeds`: one run a seed, in one pass over the data, and their mean ± standard deviation. */
export async function trainSeeds(options: SeedsOptions, output: Output, stop: AbortSignal): Promise<number> {
  const { config, args } = options
  const seeds = parseSeeds(options.seeds)
  if (!seeds)
    throw new AppError('usage', `--seeds ${options.seeds} does not name distinct seeds`, {
      key: 'seeds',
      fix: 'Write a range or a list, for example --seeds 1..16 or --seeds 1,2,5; 256 at most.',
    })
  const reporter = new SeedsReporter(output, seeds)
  const history = lazyHistory(options.dataDir, options.cwd)
  const ask = new AbortController()
  const askToStop = (): void => ask.abort(stop.reason)
  if (stop.aborted) askToStop()
  else stop.addEventListener('abort', askToStop, { once: true })
  const { logDir, cwd } = options
  const warn = (message: string): void => output.warn(`Warning: ${message}`)
  const configs = seeds.map((seed) => withSeed(config, seed, `${config.exp_version}-s${seed}`))
  const recorders = new TogetherRecorders(
    { history: history.open, logDir, cwd, configs, warn, onEnded: history.read },
    askToStop,
  )
  const finish = async (error?: unknown): Promise<void> => {
    await recorders.gone(error, ask.signal)
    await history.close()
  }
  const frame = await runInEngine(
    childProcessSpawner(enginePath, {}, takeEarly),
    {
      type: 'train_together',
      runs: configs.map((one, i) => ({ config: one, command: commandLine(argsOfSeed(args, seeds[i]!, config)) })),
      logDir: options.logDir,
      cwd: options.cwd,
      warnings: options.warnings,
    },
    (frame) => {
      if (frame.type === 'run') recorders.frame(frame)
      reporter.frame(frame)
    },
    ask.signal,
    recorders.watch,
  ).catch(async (error: unknown) => {
    await finish(error)
    throw error
  })
  await finish()
  if (frame.type !== 'together') return ERROR_EXIT_CODES.engine_protocol
  const result = seedsResult(seeds, frame.result)
  reporter.result(result)
  const { runs, failed } = result
  if (failed[0]) return AppError.fromJSON(failed[0].error).exitCode
  return runs.some(({ status }) => status === 'stopped') ? ERROR_EXIT_CODES.stopped : 0
}

/** The command that trains one of the runs alone: its own seed and name, and the batches that all share. */
function argsOfSeed(args: readonly string[], seed: number, { exp_version, trainer }: ExperimentConfig): string[] {
  const without = (flag: string, from: readonly string[]): string[] =>
    from.flatMap((arg, i) => (arg === flag || from[i - 1] === flag || arg.startsWith(`${flag}=`) ? [] : [arg]))
  const rest = ['--seeds', '--exp_version', '--seed'].reduce((left, flag) => without(flag, left), [...args])
  const shared = `trainer.data_seed=${trainer.data_seed ?? trainer.seed}`
  return [...rest, '--seed', String(seed), '--set', shared, '--exp_version', `${exp_version}-s${seed}`]
}

class SeedsReporter {
  readonly #output: Output
  readonly #seeds: readonly number[]
  readonly #losses = new Map<number, number>()
  readonly #said = new Set<string>()
  #printed = 0

  constructor(output: Output, seeds: readonly number[]) {
    this.#output = output
    this.#seeds = seeds
  }

  frame(frame: FromEngine): void {
    if (frame.type !== 'run') return
    const { news } = frame
    const seed = this.#seeds[frame.run]!
    if (news.type !== 'progress') this.#output.object({ ...news, seed })
    switch (news.type) {
      case 'started':
        if (seed === this.#seeds[0])
          this.#output.say(
            `Training ${this.#seeds.length} seeds on ${news.pairs.toLocaleString('en')} pairs of ${news.users.toLocaleString('en')} users, ` +
              `${news.parameters.toLocaleString('en')} parameters each → ${path.dirname(news.dir)}`,
          )
        break
      case 'log':
        // Most of what one run has to say all of them have.
        if (news.level === 'error' || !this.#said.has(news.message)) {
          this.#said.add(news.message)
          if (news.level === 'info') this.#output.say(news.message)
          else this.#output.warn(`${news.level === 'warn' ? 'Warning' : 'Error'} (seed ${seed}): ${news.message}`)
        }
        break
      case 'metrics': {
        const loss = news.batch.values['val_loss'] ?? news.batch.values['train_loss']
        if (loss !== undefined) this.#losses.set(seed, loss)
        break
      }
      case 'progress': {
        const { epoch, epochs, stepsPerSecond, secondsLeft } = news.progress
        const losses = [...this.#losses.values()].sort((a, b) => a - b)
        const range = losses.length === 0 ? '' : `  loss ${formatFigure(losses[0]!)} … ${formatFigure(losses.at(-1)!)}`
        const line =
          `epoch ${epoch + 1}/${epochs}${range}  ${Math.round(stepsPerSecond)} steps/s × ${this.#seeds.length}  ` +
          `${formatDuration(secondsLeft)} left`
        if (this.#output.live) this.#output.status(line)
        else if (performance.now() - this.#printed > LINE_EVERY_MS) {
          this.#printed = performance.now()
          this.#output.say(line)
        }
        break
      }
      // For people the result says it, in the order of the seeds.
      case 'ended':
      case 'failed':
    }
  }

  result(result: SeedsResult): void {
    this.#output.object(result)
    const { runs, failed, summary, seconds, ms_per_epoch } = result
    this.#output.say(
      `Done: ${runs.length} runs in ${formatDuration(seconds)}, ${ms_per_epoch.toFixed(1)} ms an epoch for all of them`,
    )
    const split = ['test', 'val'].find((name) => summary[`${name}_acc`])
    for (const run of runs) {
      const acc = split === 'test' ? run.test_acc : run.val_acc
      const loss = split === 'test' ? run.test_loss : run.val_loss
      const figures = acc === undefined ? '' : `  ${split} acc ${percent(acc)}  loss ${formatFigure(loss ?? NaN)}`
      this.#output.say(`  seed ${String(run.seed).padEnd(6)}${figures}  ${run.status}  ${run.dir}`)
    }
    for (const { seed, error } of failed) this.#output.warn(`  seed ${String(seed).padEnd(6)}  ${error.message}`)
    for (const name of ['val', 'test', 'test_unseen']) {
      const [acc, loss] = [summary[`${name}_acc`], summary[`${name}_loss`]]
      if (acc && loss)
        this.#output.say(`  ${name.padEnd(11)}  acc ${accuracy(acc)}  loss ${figure(loss)}  (n = ${acc.n})`)
    }
  }
}

const percent = (acc: number): string => `${(100 * acc).toFixed(1)} %`
const accuracy = ({ mean, sd }: Spread): string => `${(100 * mean).toFixed(1)} ± ${(100 * sd).toFixed(1)} %`
const figure = ({ mean, sd }: Spread): string => `${formatFigure(mean)} ± ${formatFigure(sd)}`
