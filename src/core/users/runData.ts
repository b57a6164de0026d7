import path from 'node:path'
import type { DataConfig } from '../../shared/config/data'
import { AppError } from '../../shared/errors'
import { filesOf } from '../datasets/registry'
import type { FileRoots } from '../files/fileRoots'

/**
 * Refuses to show what a run was trained on where nobody has allowed it. The folder of a run may come from anywhere, and its `hparams.yaml` may
 * name any file as its texts: it vouches for nothing. A file counts that lies within the roots, or that a registered data set names.
 *
 * @throws AppError `forbidden_path`
 */
export function refuseForeignData(data: DataConfig, files: FileRoots, known: readonly DataConfig[]): void {
  const named = new Set(known.flatMap(everyFile).map((file) => path.resolve(file)))
  for (const file of everyFile(data)) {
    if (named.has(path.resolve(file))) continue
    try {
      files.check(file)
    } catch (cause) {
      throw new AppError(
        'forbidden_path',
        `This run names data that you have not allowed to be shown: ${file.slice(0, 500)}`,
        {
          file: file.slice(0, 500),
          fix: `Add its data set "${data.dts_name.slice(0, 100)}" on the Data sets page, or choose its folder there.`,
        },
        cause,
      )
    }
  }
}

function everyFile(data: DataConfig): string[] {
  return [...filesOf(data), ...(data.vocab_file === undefined ? [] : [data.vocab_file])]
}
