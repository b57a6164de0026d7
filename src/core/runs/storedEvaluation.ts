import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { evaluationSchema, type EvaluatedSplit, type Evaluation } from '../../shared/domain/evaluation'
import { RUN_FILES, type RunRecord } from '../../shared/domain/run'
import { AppError, messageOf } from '../../shared/errors'
import { makeFolders } from '../folders'
import { replaceFile } from '../service/recordFile'
import { isInside } from './readInside'
import { readNamed } from './runFolder'

const MAX_EVALUATION_BYTES = 16 * 2 ** 20

/**
 * What a run's folder holds of the evaluation of a split. Null where there is none, and where it is of an earlier checkpoint: a run that
 * went on after it and was stopped has other parameters.
 *
 * @throws AppError `unreadable`
 */
export async function storedEvaluation(
  dir: string,
  { result }: Pick<RunRecord, 'result'>,
  split: EvaluatedSplit,
): Promise<Evaluation | null> {
  const root = await realpath(dir)
  const name = `${RUN_FILES.evaluation}/${split}.json`
  const text = await readNamed(root, root, name, MAX_EVALUATION_BYTES).catch((thrown: unknown) => {
    if (AppError.from(thrown).code === 'not_found') return undefined
    throw thrown
  })
  if (text === undefined) return null
  const evaluation = parsed(text, dir, name)
  return isCurrent(evaluation, result) ? evaluation : null
}

/**
 * Keeps an evaluation in a run's folder, in place of an earlier one.
 *
 * @throws AppError `unwritable`
 */
export async function storeEvaluation(dir: string, evaluation: Evaluation): Promise<void> {
  const root = await realpath(dir)
  const folder = path.join(root, RUN_FILES.evaluation)
  makeFolders(folder)
  const file = path.join(folder, `${evaluation.split}.json`)
  try {
    // Somebody else may have put a link there.
    if (!isInside(root, await realpath(folder))) throw new Error('it is a link out of the folder of the run')
    replaceFile(file, `${JSON.stringify(evaluation, null, 2)}\n`)
  } catch (cause) {
    throw new AppError(
      'unwritable',
      `The evaluation cannot be kept: ${messageOf(cause)}`,
      { file, fix: 'Check the free space and the permissions of the folder.' },
      cause,
    )
  }
}

function parsed(text: string, file: string, name: string): Evaluation {
  try {
    return evaluationSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('unreadable', `${name} is no evaluation of this version`, { file }, cause)
  }
}

function isCurrent({ checkpoint: { name, epochs, steps } }: Evaluation, result: RunRecord['result']): boolean {
  if (!result) return false
  return name === 'best' && result.best_epoch !== undefined ? epochs === result.best_epoch + 1 : steps === result.steps
}
