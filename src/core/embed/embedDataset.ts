import fs from 'node:fs'
import type { DataConfig, Embedder, SplitFiles } from '../../shared/config/data'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import type { IndexResult } from '../../shared/domain/preparation'
import { AppError } from '../../shared/errors'
import type { EngineSpawner } from '../engine/spawner'
import { prepareInEngine } from '../prep/prepareInEngine'
import { embedMissing, planTexts, type EmbedEstimate, type EmbedEvents } from './embedTexts'
import type { TextEmbedder, TextItem } from './providers'
import { textKey, VectorCache } from './vectorCache'
import { writeVectorFile, type VectorType } from './vectorFile'

export interface EmbedRequest {
  data: DataConfig
  embedder: TextEmbedder
  /** Absolute. */
  cacheFolder: string
  type: VectorType
  normalize: boolean
  /** Says what it would take, and does nothing. */
  dryRun: boolean
  /** Vectors of another embedder may be replaced. */
  replace: boolean
}

export interface EmbedResult {
  status: 'finished' | 'stopped' | 'estimated'
  estimate: EmbedEstimate
  embedded: number
  cache: string
  /** Empty unless finished. */
  files: { file: string; texts: number }[]
  index: IndexResult | null
  /** To be recorded with the data set; null unless finished. */
  embedder: Embedder | null
}

/** Texts by file: the keys of their rows. */
type TextFiles = Map<string, string[]>

/**
 * Gives every text of a data set its vector: completes text files and index columns, embeds each distinct text that the
 * cache lacks, and writes the `emb_file`s.
 *
 * @param onEstimate is told before anything is computed or paid for
 * @throws AppError `service_failed` (vectors so far are cached), `config_invalid`, `data_invalid`, `unwritable`
 */
export async function embedDataset(
  request: EmbedRequest,
  spawner: EngineSpawner,
  events: EmbedEvents & { onEstimate?: (estimate: EmbedEstimate) => void },
  stop: AbortSignal,
): Promise<EmbedResult> {
  const { data, embedder } = request
  refuseOtherVectors(request)
  const index = request.dryRun ? null : await prepareInEngine({ task: 'index', data }, spawner, {}, stop)
  const { files, wanted } = await readTextFiles(data, spawner, stop)
  const cache = VectorCache.open(request.cacheFolder, embedder)
  try {
    const { missing, estimate } = planTexts(wanted, cache, embedder)
    events.onEstimate?.(estimate)
    const result = { estimate, cache: cache.file, files: [], index, embedder: null }
    if (request.dryRun) return { status: 'estimated', embedded: 0, ...result }
    const embedded = await embedMissing(missing, estimate.cached, embedder, cache, events, stop)
    if (embedded < missing.length) return { status: 'stopped', embedded, ...result }
    return {
      status: 'finished',
      embedded,
      ...result,
      files: embFiles(data).map(({ text_file, emb_file }) => {
        const keys = files.get(text_file)!
        const { type, normalize } = request
        writeVectorFile({ file: emb_file, rowsOf: rowsOf(keys), rows: keys.length, type, normalize }, cache)
        return { file: emb_file, texts: keys.length }
      }),
      embedder: {
        provider: embedder.provider,
        model: embedder.model,
        dim: cache.width!,
        normalized: request.normalize,
      },
    }
  } finally {
    cache.close()
  }
}

/** Vectors that are there already are somebody's work. */
function refuseOtherVectors({ data, embedder, normalize, replace, dryRun }: EmbedRequest): void {
  const made = data.embedder
  const there = embFiles(data).find(({ emb_file }) => fs.lstatSync(emb_file, { throwIfNoEntry: false }))
  if (!there || replace) return
  if (!made) {
    if (dryRun) return
    throw new AppError('config_invalid', 'There are vectors already, and nothing says what made them', {
      file: there.emb_file,
      key: 'embedder',
      fix: 'Record their embedder in the data configuration, name another emb_file there, or give --replace to overwrite them.',
    })
  }
  const same = made.provider === embedder.provider && made.model === embedder.model && made.normalized === normalize
  if (same) return
  throw new AppError('config_invalid', `The data set has vectors of ${made.provider} ${made.model} already`, {
    key: 'embedder',
    findings: [
      `there: ${made.provider} ${made.model}, ${made.normalized ? 'normalised' : 'not normalised'}`,
      `asked for: ${embedder.provider} ${embedder.model}, ${normalize ? 'normalised' : 'not normalised'}`,
    ],
    fix: 'Models trained on the old vectors do not fit new ones. Give --replace to make them anew all the same.',
  })
}

function splitsOf(data: DataConfig): SplitFiles[] {
  return SPLIT_NAMES.flatMap((name) => (data[name] ? [data[name]] : []))
}

/** Every `emb_file` once. @throws AppError `config_invalid` where two text files claim one */
function embFiles(data: DataConfig): SplitFiles[] {
  const byFile = new Map<string, SplitFiles>()
  for (const split of splitsOf(data)) {
    const other = byFile.get(split.emb_file)
    if (other && other.text_file !== split.text_file)
      throw new AppError('config_invalid', 'Two text files name the same emb_file', {
        file: split.emb_file,
        findings: [other.text_file, split.text_file],
        fix: 'Give each text_file its own emb_file.',
      })
    byFile.set(split.emb_file, split)
  }
  return [...byFile.values()]
}

async function readTextFiles(
  data: DataConfig,
  spawner: EngineSpawner,
  stop: AbortSignal,
): Promise<{ files: TextFiles; wanted: Map<string, TextItem> }> {
  const files: TextFiles = new Map()
  const wanted = new Map<string, TextItem>()
  for (const file of new Set(splitsOf(data).map(({ text_file }) => text_file))) {
    const keys: string[] = []
    const onTexts = ({ rows, texts }: { rows: number[]; texts: string[] }): void => {
      for (const [i, row] of rows.entries()) {
        const key = textKey(texts[i]!)
        keys[row] = key
        if (!wanted.has(key)) wanted.set(key, { text: texts[i]!, row })
      }
    }
    await prepareInEngine({ task: 'texts', file }, spawner, { onTexts }, stop)
    files.set(file, keys)
  }
  return { files, wanted }
}

function rowsOf(keys: readonly string[]): Map<string, number[]> {
  const rows = new Map<string, number[]>()
  for (const [row, key] of keys.entries()) {
    const own = rows.get(key)
    if (own) own.push(row)
    else rows.set(key, [row])
  }
  return rows
}
