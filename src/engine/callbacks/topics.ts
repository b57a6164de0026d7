import fs from 'node:fs'
import type { Execution } from '../backends/execution'
import type { Callback } from '../loop/fit'
import { topWords } from '../models/ntm/topWords'
import { unwritable } from '../run/files'

/** As many as a person reads at a glance. */
const WORDS = 10

/** Appends each epoch's topics, as their top words, to the run's `topics.jsonl`. */
export function topicLog(file: string, execution: Execution, vocabulary: readonly string[]): Callback {
  return {
    async onEpochEnd({ epoch }) {
      const topics = topWords((await execution.state()).parameters, vocabulary, WORDS)
      try {
        fs.appendFileSync(file, `${JSON.stringify({ epoch, topics })}\n`)
      } catch (cause) {
        throw unwritable(file, cause)
      }
    },
  }
}
