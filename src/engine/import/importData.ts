import fs from 'node:fs'
import path from 'node:path'
import type { Work } from '../../shared/api/engineProtocol'
import type { ImportOptions, ImportResult } from '../../shared/domain/importing'
import { AppError } from '../../shared/errors'
import { regularFileSize } from '../data/files'
import { newFolder } from '../data/write/newFolder'
import type { Adapter, AdapterContext } from './adapter'
import { genericAdapter } from './formats/generic'
import { loreAdapter } from './formats/lore'
import { prismAdapter } from './formats/prism'
import { PRISM_PREFIXES, SurveyFeatures } from './formats/prismSurvey'
import { psoupsAdapter } from './formats/psoups'
import { readRecords } from './records'
import { IMPORT_FILES, PairSink } from './sink'
import { Tally } from './tally'

/**
 * Turns a source into a data set's pairs and texts. Vectors come after, by `delta data embed`.
 *
 * @throws AppError `usage`, `not_found`, `unreadable`, `data_invalid` (also when no pair is left, with every reason),
 *   `out_of_range`, `unwritable`, `stopped`
 */
export async function importData(
  options: ImportOptions,
  onWork: (work: Work) => void,
  signal?: AbortSignal,
): Promise<ImportResult> {
  // A wrong path is told before anything is written.
  let total = 0
  for (const file of options.inputs) total += await regularFileSize(file)
  const tally = new Tally()
  const features = options.survey === undefined ? undefined : await SurveyFeatures.read(options.survey, tally, signal)
  return newFolder(options.output, async (folder) => {
    const prefixes = features ? PRISM_PREFIXES : []
    const sink = new PairSink(folder, tally, prefixes, (user, place) => features?.of(user, place) ?? {})
    const adapter = adapterFor({ options, tally, emit: (pair, place) => sink.add(pair, place) })
    let rows = 0
    let bytes = 0
    for (const file of options.inputs)
      await readRecords(file, {
        ...(signal && { signal }),
        delimiter: options.delimiter,
        onBytes: (count) => onWork({ what: 'bytes', done: (bytes += count), total }),
        onRecord: (record, place) => {
          rows++
          adapter.record(record, place)
        },
        onMalformed: (place, reason) => {
          rows++
          tally.add('malformed', place, reason)
        },
      })
    adapter.finish?.()
    const { pairs, texts, users, metadata } = sink.finish()
    if (pairs === 0)
      throw new AppError('data_invalid', `No pair is left of ${rows} rows`, {
        file: options.inputs[0]!,
        findings: tally.describe(),
        fix: 'Check that --format is that of the file; docs/data-import.md shows each.',
      })
    const result: ImportResult = {
      dir: options.output,
      df_file: path.join(options.output, IMPORT_FILES.df_file),
      text_file: path.join(options.output, IMPORT_FILES.text_file),
      rows,
      pairs,
      texts,
      users,
      feature_columns: [...(features?.columns ?? [])],
      prefix_columns: [...prefixes],
      metadata_columns: metadata,
      notes: tally.list(),
    }
    fs.writeFileSync(
      path.join(folder, IMPORT_FILES.report),
      `${JSON.stringify({ format: 1, options, ...result }, null, 2)}\n`,
    )
    return result
  })
}

function adapterFor(context: AdapterContext): Adapter {
  const { format } = context.options
  switch (format) {
    case 'prism':
      return prismAdapter(context)
    case 'psoups':
      return psoupsAdapter(context)
    case 'lore':
      return loreAdapter(context)
    case 'pairs':
    case 'ranked':
    case 'ratings':
    case 'best_of_n':
    case 'votes':
      return genericAdapter(format, context)
  }
}
