import type { Command } from 'commander'
import { AppError } from '../../shared/errors'
import { findInHistory } from '../../core/store/findRuns'
import type { AnnotationChange } from '../../core/store/annotations'
import { createOutput } from '../output'
import { openRuns, withRunsOptions, type RunsOptions } from './history'

const RUN = 'id, exp_name/exp_version or folder'

export function addAnnotate(runs: Command, exit: (code: number) => void): void {
  const change = async (run: string, options: RunsOptions, what: AnnotationChange): Promise<void> =>
    exit(await annotate(run, options, what))
  withRunsOptions(
    runs
      .command('tag')
      .description('Add tags to a run, or take them away')
      .argument('<run>', RUN)
      .argument('[tags...]'),
  )
    .option('--remove', 'take the tags away')
    .action((run: string, tags: string[], options: RunsOptions & { remove?: boolean }) => {
      if (tags.length === 0) throw new AppError('usage', 'No tag is given', { fix: 'delta runs tag RUN baseline' })
      return change(run, options, options.remove === true ? { removeTags: tags } : { addTags: tags })
    })
  withRunsOptions(
    runs
      .command('note')
      .description("Write a run's note; without a text, show it")
      .argument('<run>', RUN)
      .argument('[text]'),
  ).action((run: string, text: string | undefined, options: RunsOptions) =>
    change(run, options, text === undefined ? {} : { note: text }),
  )
  withRunsOptions(runs.command('star').description('Mark a run').argument('<run>', RUN))
    .option('--remove', 'take the mark away')
    .action((run: string, options: RunsOptions & { remove?: boolean }) =>
      change(run, options, { starred: options.remove !== true }),
    )
}

async function annotate(reference: string, options: RunsOptions, change: AnnotationChange): Promise<number> {
  const output = createOutput(options.json === true)
  const { store, cwd, logDir } = await openRuns(options, output, true)
  try {
    const run = await findInHistory(store, reference, { cwd, logDir })
    const dir = run.source === 'tensorboard' || run.dir === null ? undefined : run.dir
    const { tags, note, starred } = store.annotations.change(run.key, dir, change)
    output.object({ type: 'result', id: run.id, tags, note, starred })
    output.say(Object.values(store.runs.names(run.key)).join('/') + (starred ? ' *' : ''))
    output.say(`tags  ${tags.join(', ') || 'none'}`)
    output.say(`note  ${note === '' ? 'none' : note}`)
    return 0
  } finally {
    store.close()
  }
}
