import fs from 'node:fs'
import path from 'node:path'
import { dump } from 'js-yaml'
import type { DataConfig, Embedder } from '../../shared/config/data'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import { AppError, messageOf } from '../../shared/errors'
import { readYamlFile } from '../config/yamlFile'

/** What a step adds to a data set's section. Paths are absolute. */
export interface SectionChanges {
  embedder?: Embedder
  vocab_file?: string
  /** By `text_file`. */
  bow_files?: ReadonlyMap<string, string>
  prefix_columns?: readonly string[]
}

/** How `delta data` writes a configuration, so that it knows its own work again. */
const STYLE = { flowLevel: 2, lineWidth: 200 }

/**
 * Records in a data configuration what was made. A file that people have written is not touched: rewriting it would
 * lose their comments.
 *
 * @returns null when it is recorded, else the lines that belong into the section
 * @throws AppError `unwritable`, `config_invalid`
 */
export function recordInSection(file: string, name: string, data: DataConfig, changes: SectionChanges): string | null {
  const { value } = readYamlFile(file)
  const sections: Record<string, unknown> = { ...Object(value) }
  const section: Record<string, unknown> = { ...Object(sections[name]) }
  const changed = { ...section, ...changesOf(section, data, changes) }
  if (dump(value, STYLE) !== fs.readFileSync(file, 'utf8')) {
    const news = Object.entries(changed).filter(([key, now]) => JSON.stringify(now) !== JSON.stringify(section[key]))
    return news.length === 0 ? null : dump(Object.fromEntries(news), { flowLevel: 1, lineWidth: 200 }).trimEnd()
  }
  const draft = `${file}.${process.pid}.tmp`
  try {
    // What a crash has left, or a link that would lead elsewhere.
    fs.rmSync(draft, { force: true })
    fs.writeFileSync(draft, dump({ ...sections, [name]: changed }, STYLE), { flush: true, flag: 'wx' })
    fs.renameSync(draft, file)
  } catch (cause) {
    fs.rmSync(draft, { force: true })
    throw new AppError('unwritable', `${file} cannot be written: ${messageOf(cause)}`, { file }, cause)
  }
  return null
}

function changesOf(
  section: Record<string, unknown>,
  data: DataConfig,
  { embedder, vocab_file, bow_files, prefix_columns }: SectionChanges,
): Record<string, unknown> {
  const relative = (file: string): string => path.relative(data.dts_path, file).replaceAll(path.sep, '/')
  const splits: Record<string, unknown> = {}
  for (const split of bow_files ? SPLIT_NAMES : []) {
    const bow = data[split] && bow_files?.get(data[split].text_file)
    if (bow !== undefined) splits[split] = { ...Object(section[split]), bow_file: relative(bow) }
  }
  return {
    ...(prefix_columns && { prefix_columns: [...new Set([...data.prefix_columns, ...prefix_columns])] }),
    ...(vocab_file !== undefined && { vocab_file: relative(vocab_file) }),
    ...(embedder && { embedder }),
    ...splits,
  }
}
