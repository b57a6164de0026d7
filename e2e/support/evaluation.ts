import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Evaluation, Figure } from '../../src/shared/domain/evaluation'
import { RUN_FILES, runRecordSchema } from '../../src/shared/domain/run'

const around = (value: number, half = 0.02): Figure => ({ value, low: value - half, high: value + half })

/** Gives an ended run an evaluation of its best checkpoint. */
export function writeEvaluation(dir: string): void {
  const { result } = runRecordSchema.parse(JSON.parse(readFileSync(join(dir, RUN_FILES.record), 'utf8')))
  mkdirSync(join(dir, RUN_FILES.evaluation), { recursive: true })
  const evaluation = evaluationOf((result?.best_epoch ?? 0) + 1, result?.steps ?? 0)
  writeFileSync(join(dir, RUN_FILES.evaluation, 'test.json'), JSON.stringify(evaluation))
}

/** An evaluation of `test` with a bit of everything, of that checkpoint. */
function evaluationOf(epochs: number, steps: number): Evaluation {
  const part = { pairs: 500, users: 40, accuracy: around(0.781), nll: around(0.46) }
  const none = { pairs: 0, users: 0, accuracy: null, nll: null }
  return {
    format: 1,
    split: 'test',
    checkpoint: { name: 'best', epochs, steps },
    pairs: 1000,
    users: 40,
    known_users: 40,
    bootstrap: { resamples: 1000, seed: 0, level: 0.95 },
    accuracy: around(0.781),
    user_accuracy: around(0.754),
    worst_decile: { users: 4, accuracy: around(0.31) },
    nll: around(0.46),
    brier: around(0.15),
    auc: 0.865,
    calibration: {
      ece: 0.02,
      bins: [
        { pairs: 500, from: 0.5, to: 0.7, confidence: 0.61, accuracy: 0.64 },
        { pairs: 500, from: 0.7, to: 0.99, confidence: 0.9, accuracy: 0.92 },
      ],
    },
    kendall: { users: 12, rankings: 30, tau: around(0.5) },
    user_vector: around(0.012, 0.008),
    comparisons: (['bt', 'majority', 'shuffled_users', 'generic_user'] as const).map((name) => ({
      ...{ name, pairs: 1000, users: 40, accuracy: around(0.769), user_accuracy: around(0.75) },
      ...{
        difference: around(0.012, 0.008),
        user_difference: around(0.01),
        nll: name === 'majority' ? null : around(0.5),
      },
    })),
    cells: [
      { user: 'seen', prompt: 'seen', ...part },
      { user: 'seen', prompt: 'unseen', ...part },
      { user: 'unseen', prompt: 'seen', ...none },
      { user: 'unseen', prompt: 'unseen', ...none },
    ],
    slices: [{ column: 'topic', values: ['food', 'music'].map((value) => ({ value, ...part, lift: around(0.021) })) }],
    leak: { leaks: false, acc_shift: 0, max_difference: 0 },
  }
}
