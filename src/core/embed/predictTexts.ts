import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Embedder, SplitFiles } from '../../shared/config/data'
import type { ExperimentConfig } from '../../shared/config/experiment'
import type { PredictionSummary } from '../../shared/domain/prediction'
import { AppError } from '../../shared/errors'
import { runInEngine } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'
import { embedDataset } from './embedDataset'
import type { EmbedEstimate, EmbedEvents } from './embedTexts'
import type { TextEmbedder } from './providers'

export interface PredictRequest {
  config: ExperimentConfig
  run: string
  runId: string
  /** Absolute: pairs as text, or with index columns into the given vectors. */
  input: string
  output: string
  /** Texts and vectors that the pairs index; embedded by the run's record where absent. */
  vectors?: { text_file: string; emb_file: string }
  cacheFolder: string
  /** Made only where there is something to embed. */
  embedder: (record: Embedder) => TextEmbedder
}

/**
 * Predicts the pairs of a file. Raw text is embedded by what the run recorded of its embedder; another one is refused.
 *
 * @throws AppError `config_invalid` for a run without that record, `service_failed`, `data_invalid`, `stopped`
 */
export async function predictTexts(
  request: PredictRequest,
  spawner: EngineSpawner,
  events: EmbedEvents & { onEstimate?: (estimate: EmbedEstimate) => void },
  stop: AbortSignal,
): Promise<PredictionSummary> {
  const { vectors, input } = request
  if (vectors) return predict(request, { df_file: input, ...vectors }, undefined, spawner, stop)
  // A pipe would be waited for without end.
  if (!isFile(input))
    throw new AppError('not_found', 'There is no file of pairs there', { file: input, fix: 'Check --input.' })
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-predict-'))
  // A copy: it gets index columns, and the person's file stays as it is.
  const copy = path.join(folder, `pairs${path.extname(input)}`)
  try {
    const { files, embedder } = await embedInput(request, copy, spawner, events, stop)
    return await predict(request, files, embedder, spawner, stop)
  } catch (thrown) {
    throw aboutInput(thrown, copy, input)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function isFile(file: string): boolean {
  try {
    return fs.statSync(file).isFile()
  } catch {
    return false
  }
}

async function embedInput(
  { config, input, cacheFolder, embedder: make }: PredictRequest,
  copy: string,
  spawner: EngineSpawner,
  events: EmbedEvents & { onEstimate?: (estimate: EmbedEstimate) => void },
  stop: AbortSignal,
): Promise<{ files: SplitFiles; embedder: Embedder }> {
  const recorded = config.data.embedder
  if (!recorded)
    throw new AppError('config_invalid', 'The run does not say what made its vectors, so text cannot be embedded', {
      key: 'embedder',
      fix: 'Give the vectors with --text_file and --emb_file.',
    })
  const embedder = make(recorded)
  if (embedder.width !== undefined && embedder.width !== recorded.dim) throw otherWidth(embedder.width, recorded)
  const folder = path.dirname(copy)
  const files = {
    df_file: copy,
    text_file: path.join(folder, 'texts.json'),
    emb_file: path.join(folder, 'emb.npy'),
  }
  try {
    fs.copyFileSync(input, files.df_file)
  } catch (cause) {
    throw new AppError('unreadable', 'The pairs cannot be read', { file: input, fix: 'Check --input.' }, cause)
  }
  const result = await embedDataset(
    {
      data: { dts_name: path.basename(input), dts_path: folder, prefix_columns: [], train: files },
      embedder,
      cacheFolder,
      type: 'float32',
      normalize: recorded.normalized,
      dryRun: false,
      replace: false,
    },
    spawner,
    events,
    stop,
  )
  if (!result.embedder) throw new AppError('stopped', 'Stopped; the vectors so far are kept')
  if (result.embedder.dim !== recorded.dim) throw otherWidth(result.embedder.dim, recorded)
  return { files, embedder: result.embedder }
}

/** What is wrong with the copy is wrong with the person's file, which is the one that they know. */
function aboutInput(thrown: unknown, copy: string, input: string): AppError {
  const { code, message, details, cause } = AppError.from(thrown)
  const named = (text: string): string => text.replaceAll(copy, input)
  return new AppError(
    code,
    named(message),
    {
      ...details,
      ...(details.file !== undefined && { file: named(details.file) }),
      ...(details.findings && { findings: details.findings.map(named) }),
    },
    cause,
  )
}

function otherWidth(width: number, { provider, model, dim }: Embedder): AppError {
  return new AppError(
    'config_invalid',
    `The run was trained on ${dim} numbers a text of ${provider} ${model}, and here it gives ${width}`,
    { key: 'embedder', fix: 'Give the --url and the model that made the vectors of the run.' },
  )
}

async function predict(
  { config, run, runId, output }: PredictRequest,
  input: SplitFiles,
  embedder: Embedder | undefined,
  spawner: EngineSpawner,
  stop: AbortSignal,
): Promise<PredictionSummary> {
  const answer = await runInEngine(
    spawner,
    { type: 'predict', config, run, runId, input, ...(embedder && { embedder }), output },
    () => {},
    stop,
  )
  if (answer.type !== 'prediction') throw new AppError('engine_protocol', 'The engine answered another question')
  return answer.prediction
}
