import path from 'node:path'
import type { Command } from 'commander'
import { AppError } from '../../shared/errors'
import { exportRuns } from '../../core/store/exportRuns'
import { findInHistory } from '../../core/store/findRuns'
import { importRuns } from '../../core/store/importRuns'
import { createOutput } from '../output'
import { openRuns, withRunsOptions, type RunsOptions } from './history'
import { formatBytes } from './remove'

export function addTransfer(runs: Command, exit: (code: number) => void): void {
  withRunsOptions(
    runs
      .command('export')
      .description('Copy runs with all their files into a zip file or a folder')
      .argument('<runs...>'),
  )
    .requiredOption('--output <path>', 'a path that ends in .zip, or a new folder')
    .action(async (references: string[], options: RunsOptions & { output: string }) =>
      exit(await exportThem(references, options)),
    )
  withRunsOptions(
    runs
      .command('import')
      .description('Read runs from a folder: of a run, of many, or TensorBoard logs (also PyTorch Lightning’s)')
      .argument('<dir>'),
  ).action(async (dir: string, options: RunsOptions) => exit(await importThem(dir, options)))
}

async function exportThem(references: readonly string[], options: RunsOptions & { output: string }): Promise<number> {
  const output = createOutput(options.json === true)
  const { store, cwd, logDir } = await openRuns(options, output, false)
  try {
    const names = new Set<string>()
    const chosen = []
    for (const reference of references) {
      const run = await findInHistory(store, reference, { cwd, logDir })
      const { exp_name, exp_version } = store.runs.names(run.key)
      if (run.dir === null || run.missing !== null)
        throw new AppError('not_found', `The folder of ${exp_name}/${exp_version} is gone`, {
          fix: 'The history still has its figures: delta runs show RUN --json',
        })
      const plain = [exp_name, exp_version]
        .map((name) => name.replaceAll(/[^\w.-]/g, '_').replace(/^\.+/, '_'))
        .join('/')
      const name = names.has(plain) ? `${plain}-${run.id.slice(0, 8)}` : plain
      names.add(name)
      chosen.push({ name, dir: run.dir, id: run.id })
    }
    const target = path.resolve(cwd, options.output)
    const { files, bytes } = exportRuns(chosen, target)
    output.object({ type: 'result', file: target, runs: chosen.map(({ id, name }) => ({ id, name })), files, bytes })
    output.say(
      `${chosen.length} ${chosen.length === 1 ? 'run' : 'runs'}, ${files} files, ${formatBytes(bytes)} → ${target}`,
    )
    return 0
  } finally {
    store.close()
  }
}

async function importThem(dir: string, options: RunsOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { store, cwd } = await openRuns(options, output, true)
  try {
    const { runs, tensorboard, unreadable } = await importRuns(store, path.resolve(cwd, dir))
    output.object({ type: 'result', runs, tensorboard, unreadable })
    if (runs.length > 0) output.say(`${runs.length} ${runs.length === 1 ? 'run' : 'runs'} read`)
    for (const { dir: at, points, problems, otherTags } of tensorboard) {
      output.say(`${at}: ${points.toLocaleString('en')} points`)
      for (const problem of problems) output.warn(`Warning: ${at}: ${problem}`)
      if (otherTags.length > 0)
        output.say(
          `  left out, since they are no scalars: ${otherTags.slice(0, 8).join(', ')}${otherTags.length > 8 ? ', …' : ''}`,
        )
    }
    for (const { dir: at, reason } of unreadable) output.warn(`Unreadable: ${at}: ${reason}`)
    output.say('They are in: delta runs list --all')
    return 0
  } finally {
    store.close()
  }
}
