import type { Work } from '../../shared/api/engineProtocol'
import type { PrepareResult, PrepareTask } from '../../shared/domain/preparation'
import type { TextChunk } from '../../shared/domain/scoring'
import { readTexts } from '../data/texts'
import { TextChunks } from '../rewards/listPairs'
import { bagOfWords } from './bagOfWords'
import { dedupePairs } from './dedupePairs'
import { inspectFiles } from './inspectFiles'
import { indexTexts } from './indexTexts'
import { pairStats } from './pairStats'
import { previewPairs } from './previewPairs'
import { splitPairs } from './splitPairs'
import { addUserFeatures } from './userFeatures'

export interface PrepareEvents {
  onWork: (work: Work) => void
  onTexts: (chunk: TextChunk) => void
}

/** Does one step of data preparation. */
export async function prepare(task: PrepareTask, events: PrepareEvents, signal: AbortSignal): Promise<PrepareResult> {
  const options = { signal, onWork: events.onWork }
  switch (task.task) {
    case 'split':
      return splitPairs(task, options)
    case 'preview':
      return previewPairs(task, options)
    case 'stats':
      return pairStats(task, options)
    case 'dedupe':
      return dedupePairs(task, options)
    case 'features':
      return addUserFeatures(task, options)
    case 'bow':
      return bagOfWords(task, options)
    case 'index':
      return indexTexts(task, options)
    case 'inspect':
      return inspectFiles(task, options)
    case 'texts': {
      const chunks = new TextChunks(task.file, events.onTexts)
      const texts = await readTexts(task.file, (text, row) => chunks.add(text, row), { signal })
      chunks.flush()
      return { task: 'texts', texts }
    }
  }
}
