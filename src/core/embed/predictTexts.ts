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
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-predict-'))
  try {
    const { files, embedder } = await embedInput(request, folder, spawner, events, stop)
    return await predict(request, files, embedder, spawner, stop)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function embedInput(
  { config, input, cacheFolder, embedder: make }: PredictRequest,
  folder: string,
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
  // A copy: it gets index columns, and the person's file stays as it is.
  const files = {
    df_file: path.join(folder, `pairs${path.extname(input)}`),
    text_file: path.join(folder, 'texts.json'),
    emb_file: path.join(folder, 'emb.npy'),
  }
  try {
    fs.copyFileSync(input, files.df_file)
  } catch (cause) {
    throw new AppError('not_found', `The pairs cannot be read`, { file: input, fix: 'Check --input.' }, cause)
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
