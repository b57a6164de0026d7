import type { FromEngine } from '../../shared/api/engineProtocol'
import type { PrepareResult, PrepareTask } from '../../shared/domain/preparation'
import type { TextChunk } from '../../shared/domain/scoring'
import { AppError } from '../../shared/errors'
import { runInEngine } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'

export interface PrepareEvents {
  onTexts?: (chunk: TextChunk) => void
  onFrame?: (frame: FromEngine) => void
}

type ResultOf<T extends PrepareTask> = Extract<PrepareResult, { task: T['task'] }>

/** Has an engine do one step of data preparation. @throws AppError of the engine */
export async function prepareInEngine<T extends PrepareTask>(
  task: T,
  spawner: EngineSpawner,
  { onTexts, onFrame }: PrepareEvents,
  stop: AbortSignal,
): Promise<ResultOf<T>> {
  const answer = await runInEngine(
    spawner,
    { type: 'prepare', task },
    (frame) => {
      if (frame.type === 'texts') onTexts?.(frame.chunk)
      else onFrame?.(frame)
    },
    stop,
  )
  if (answer.type === 'prepared' && answers(answer.result, task)) return answer.result
  throw new AppError('engine_protocol', 'The engine answered another question')
}

function answers<T extends PrepareTask>(result: PrepareResult, { task }: T): result is ResultOf<T> {
  return result.task === task
}
