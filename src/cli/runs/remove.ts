import type { Command } from 'commander'
import { AppError } from '../../shared/errors'
import { findInHistory } from '../../core/store/findRuns'
import { deleteRun, purgeRun, restoreRun } from '../../core/store/trash'
import { createOutput } from '../output'
import { openRuns, withRunsOptions, type OpenHistory, type RunsOptions } from './history'

export function addRemove(runs: Command, exit: (code: number) => void): void {
  withRunsOptions(runs.command('delete').description('Put runs into the trash').argument('<runs...>')).action(
    async (references: string[], options: RunsOptions) =>
      exit(
        await each(references, options, false, ({ store }, id) => {
          const { trashDir } = deleteRun(store, id, Date.now())
          return {
            said: trashDir === null ? 'is in the trash; its files stay where they are' : 'is in the trash',
            trashDir,
          }
        }),
      ),
  )
  withRunsOptions(runs.command('restore').description('Take runs out of the trash').argument('<runs...>')).action(
    async (references: string[], options: RunsOptions) =>
      exit(
        await each(references, options, true, ({ store }, id) => {
          const { dir } = restoreRun(store, id)
          return { said: `is back${dir === null ? '' : ` in ${dir}`}`, dir }
        }),
      ),
  )
  withRunsOptions(
    runs.command('purge').description('Delete runs in the trash for good').argument('[runs...]', 'runs in the trash'),
  )
    .option('--all', "everything in the log folder's trash")
    .action(async (references: string[], options: RunsOptions & { all?: boolean }) =>
      exit(await purge(references, options)),
    )
}

async function purge(references: readonly string[], options: RunsOptions & { all?: boolean }): Promise<number> {
  if (references.length === 0 && options.all !== true)
    throw new AppError('usage', 'No run is named', {
      fix: 'Name runs of the trash (delta runs list --trash), or give --all.',
    })
  return each(options.all === true ? undefined : references, options, true, ({ store }, id) => {
    const { bytes } = purgeRun(store, id)
    return { said: `is deleted; ${formatBytes(bytes)} freed`, bytes }
  })
}

/** @param references undefined: every run in the trash of the log folder */
async function each(
  references: readonly string[] | undefined,
  options: RunsOptions,
  trash: boolean,
  act: (history: OpenHistory, id: string) => { said: string; bytes?: number },
): Promise<number> {
  const output = createOutput(options.json === true)
  const history = await openRuns(options, output, true)
  const { store, cwd, logDir } = history
  try {
    // All are found before the first is touched: a mistyped second name must not leave half a job.
    const found = references ? [] : store.runs.inTrashOf(logDir)
    for (const reference of references ?? []) found.push(await findInHistory(store, reference, { cwd, logDir, trash }))
    const done = found.map(({ id, key }) => {
      const name = Object.values(store.runs.names(key)).join('/')
      const { said, ...result } = act(history, id)
      output.say(`${name} ${said}`)
      return { id, name, ...result }
    })
    const freed = done.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)
    output.object({ type: 'result', runs: done, bytes: freed })
    if (done.length > 1 && freed > 0) output.say(`${formatBytes(freed)} freed`)
    return 0
  } finally {
    store.close()
  }
}

export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  const unit = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${unit === 0 ? bytes : (bytes / 1000 ** unit).toPrecision(3)} ${units[unit]}`
}
