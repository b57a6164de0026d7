import path from 'node:path'
import type { Evaluation } from '../../shared/domain/evaluation'
import { RUN_FILES } from '../../shared/domain/run'
import { PredictionFiles, type PairKeys, type PredictedMargins } from '../run/predictions'
import { writeEvaluation } from './evaluationFile'
import { SplitEvaluator, type RunOnSplit, type SplitToEvaluate } from './evaluateSplit'

/** What is the same for every run on a split; can be sent to another thread. */
export interface SplitGiven extends SplitToEvaluate {
  keys: PairKeys
}

/** What is to be made of a run's margins on a split. */
export interface SplitTask extends RunOnSplit {
  /** The run's folder, into which predictions and figures go, and what else is predicted; absent where nothing is written. */
  record?: { dir: string; margins: PredictedMargins } | undefined
}

/** All that follows from margins without asking the model again. */
export class SplitWork {
  readonly #evaluator: SplitEvaluator
  readonly #given: SplitGiven
  readonly #predictions: PredictionFiles

  constructor(given: SplitGiven) {
    this.#evaluator = new SplitEvaluator(given)
    this.#given = given
    this.#predictions = new PredictionFiles(given.keys)
  }

  /** @throws AppError `unwritable` */
  do({ record, ...run }: SplitTask): Evaluation {
    const file = `${this.#given.split.name}.parquet`
    if (record) this.#predictions.write(path.join(record.dir, RUN_FILES.predictions, file), record.margins)
    const evaluation = this.#evaluator.evaluate(run)
    if (record) writeEvaluation(record.dir, evaluation)
    return evaluation
  }
}
