import fs from 'node:fs'
import path from 'node:path'
import type { Evaluation } from '../../shared/domain/evaluation'
import { RUN_FILES } from '../../shared/domain/run'
import { unwritable, writeAtomically } from '../run/files'

/**
 * Writes `evaluation/<split>.json` of a run, in place of an earlier one.
 *
 * @throws AppError `unwritable`
 */
export function writeEvaluation(dir: string, evaluation: Evaluation): void {
  const folder = path.join(dir, RUN_FILES.evaluation)
  try {
    fs.mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw unwritable(folder, cause)
  }
  writeAtomically(path.join(folder, `${evaluation.split}.json`), `${JSON.stringify(evaluation, null, 2)}\n`)
}
