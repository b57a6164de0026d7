import fs from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { AppError } from '../shared/errors'
import { RunStore } from '../core/runs/runStore'
import type { RunSummary } from '../shared/api/requests'
import { formatDuration, formatFigure, formatTable } from './format'
import { createOutput } from './output'
import { configRoots } from './roots'

interface RunsOptions {
  log_dir: string
  json?: boolean
}

export function addRuns(program: Command, exit: (code: number) => void): void {
  const runs = program.command('runs').description('Look at the runs on disk')
  runs
    .command('list')
    .description('List all runs, newest first')
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
    .option('--json', 'print one JSON object')
    .action(async (options: RunsOptions) => exit(await list(options)))
}

async function list(options: RunsOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const logDir = path.resolve(configRoots().cwd, options.log_dir)
  if (fs.existsSync(logDir) && !fs.statSync(logDir).isDirectory())
    throw new AppError('unreadable', `${logDir} is not a folder`, {
      fix: 'Give --log_dir the folder that holds the runs.',
    })
  const { runs, unreadable } = await new RunStore(logDir).list()
  output.object({ type: 'result', runs, unreadable })
  if (runs.length === 0) output.say(`There are no runs in ${logDir} yet. Train one: delta train --dts_name simpler`)
  else for (const line of formatTable(HEADER, runs.map(row))) output.say(line)
  for (const { dir, reason } of unreadable) output.warn(`Unreadable: ${dir}: ${reason}`)
  return 0
}

const HEADER = ['run', 'status', 'model', 'data', 'val_loss', 'test_acc', 'test_unseen_acc', 'epochs', 'time']

function row(run: RunSummary): string[] {
  const figure = (name: string): string => {
    const value = run.figures[name]
    return value === undefined ? '' : formatFigure(value)
  }
  return [
    `${run.exp_name}/${run.exp_version}`,
    run.result?.leaks === true ? `${run.status} (leaks)` : run.status,
    run.model_name,
    run.dts_name,
    run.result?.val_loss === undefined ? figure('val_loss') : formatFigure(run.result.val_loss),
    figure('test_acc'),
    figure('test_unseen_acc'),
    run.result ? String(run.result.epochs) : '',
    run.result ? formatDuration(run.result.seconds) : '',
  ]
}
