import path from 'node:path'
import type { Command } from 'commander'
import { runRecordSchema } from '../../shared/domain/run'
import { AppError, ERROR_EXIT_CODES } from '../../shared/errors'
import { childProcessSpawner } from '../../core/engine/childProcessSpawner'
import { compareRuns, type Departure } from '../../core/reproduce/compareRuns'
import { repeatedExperiment } from '../../core/reproduce/repeatedExperiment'
import { lazyHistory } from '../../core/service/openHistory'
import { supervise } from '../../core/service/supervise'
import { findInHistory } from '../../core/store/findRuns'
import { onInterrupt } from '../interrupt'
import { createOutput, type Output } from '../output'
import { commandLine, configRoots, enginePath } from '../roots'
import { TrainReporter } from '../trainReporter'
import { openRuns, withRunsOptions, type RunsOptions } from './history'

/** A difference in every figure of every epoch fills a screen without saying more. */
const SHOWN = 12

export function addReproduce(runs: Command, exit: (code: number) => void): void {
  withRunsOptions(
    runs
      .command('reproduce')
      .description('Train a finished run again and compare every figure and the bytes of its checkpoints')
      .argument('<run>', 'id, exp_name/exp_version or folder'),
  ).action(async (run: string, options: RunsOptions) => exit(await reproduce(run, options)))
}

async function reproduce(reference: string, options: RunsOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { cwd } = configRoots()
  const original = await originalOf(reference, options, output)
  const config = repeatedExperiment(original)
  const history = lazyHistory(options.dataDir, cwd)
  const reporter = new TrainReporter(output)
  const logDir = path.dirname(path.dirname(original.dir))
  const { result, error, dir } = await supervise({
    spawner: childProcessSpawner(enginePath),
    request: {
      type: 'train',
      config,
      logDir,
      command: commandLine(['runs', 'reproduce', original.record.id]),
      cwd,
      warnings: [],
    },
    stop: onInterrupt(() => output.warn('Stopping.')),
    history: history.open,
    logDir,
    publish: () => {},
    onNews: (news) => {
      if (!output.json) reporter.frame(news)
    },
  })
  if (dir !== undefined) history.read(dir)
  await history.close()
  if (!result || dir === undefined) throw error ?? new AppError('internal', 'The run ended without a result')
  if (result.status !== 'finished') throw new AppError('stopped', 'Stopped before there was anything to compare')
  const comparison = compareRuns(original.dir, dir)
  const equal = comparison.results.length === 0
  output.object({ type: 'result', equal, original: original.record.id, runId: result.runId, dir, ...comparison })
  if (equal) output.say(`Reproduced: ${comparison.figures} figures and the checkpoints are equal to the last bit`)
  else {
    output.say('Not reproduced. These results differ:')
    tell(comparison.results, output)
  }
  if (comparison.circumstances.length > 0) {
    output.say(equal ? 'Although these differ:' : 'These differ too, and may be why:')
    tell(comparison.circumstances, output)
  }
  output.say(`  ${dir}`)
  return equal ? 0 : ERROR_EXIT_CODES.internal
}

function tell(departures: readonly Departure[], output: Output): void {
  for (const { what, before, after } of departures.slice(0, SHOWN)) output.say(`  ${what}: ${before} → ${after}`)
  if (departures.length > SHOWN) output.say(`  and ${departures.length - SHOWN} more`)
}

async function originalOf(reference: string, options: RunsOptions, output: Output) {
  const { store, cwd, logDir } = await openRuns(options, output, false)
  try {
    const { dir, record } = await findInHistory(store, reference, { cwd, logDir })
    const parsed = record === null ? undefined : runRecordSchema.safeParse(JSON.parse(record)).data
    if (dir === null || !parsed) throw new AppError('not_found', 'The folder of this run is gone')
    return { dir, record: parsed }
  } finally {
    store.close()
  }
}
