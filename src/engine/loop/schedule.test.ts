import { describe, expect, test } from 'vitest'
import { trainerSchema } from '../../shared/config/trainer'
import { torchReference } from '../testing/torchReference'
import { createSchedule, totalSteps } from './schedule'

const close = (actual: number, expected: number): void =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-12 + 1e-9 * Math.abs(expected))

describe('against PyTorch', () => {
  test.for(torchReference.schedules)(
    '$trainer.scheduler with warmup $trainer.warmup_steps drifts from torch over $steps steps',
    (case_) => {
      const schedule = createSchedule(case_.trainer, case_.steps)
      for (let step = 0; step < case_.steps; step++) {
        const { learningRate, beta1 } = schedule.at(step)
        close(learningRate, case_.learningRate[step]!)
        close(beta1, case_.beta1[step]!)
      }
    },
  )

  test.for(torchReference.plateaus)(
    'reduce_on_plateau (patience $trainer.plateau_patience) reduces at another epoch than torch',
    (case_) => {
      const schedule = createSchedule(case_.trainer, 1)
      expect(schedule.at(0).learningRate).toBe(case_.trainer.learning_rate)
      case_.losses.forEach((loss, epoch) => {
        schedule.afterEpoch(loss)
        close(schedule.at(0).learningRate, case_.learningRate[epoch]!)
      })
    },
  )
})

test.for(['none', 'cosine', 'onecycle', 'reduce_on_plateau'])(
  '%s gives NaN, a negative or an infinite rate when a run has very few steps',
  (scheduler) => {
    for (const warmup_steps of [-1, 0, 1, 3, 1000])
      for (let steps = 1; steps <= 12; steps++) {
        const schedule = createSchedule(trainerSchema.parse({ scheduler, warmup_steps }), steps)
        for (let step = 0; step < steps; step++) {
          const { learningRate, beta1 } = schedule.at(step)
          expect(learningRate).toBeGreaterThanOrEqual(0)
          expect(learningRate).toBeLessThanOrEqual(2e-3 * (1 + 1e-12))
          expect(beta1).toBeGreaterThan(0)
          expect(beta1).toBeLessThan(1)
        }
      }
  },
)

test('the first warm-up step of cosine is not 0, or its last step is not near min_lr', () => {
  const trainer = trainerSchema.parse({ scheduler: 'cosine', min_lr: 1e-5 })
  const schedule = createSchedule(trainer, 1000)
  expect(schedule.at(0).learningRate).toBe(0)
  expect(schedule.at(50).learningRate).toBeCloseTo(2e-3, 12)
  expect(schedule.at(999).learningRate).toBeLessThan(1.01e-5)
})

test('a resumed plateau schedule forgets how long it has waited', () => {
  const trainer = trainerSchema.parse({ scheduler: 'reduce_on_plateau', plateau_patience: 2 })
  const whole = createSchedule(trainer, 1)
  const first = createSchedule(trainer, 1)
  for (const loss of [1, 1.1, 1.2]) for (const one of [whole, first]) one.afterEpoch(loss)
  const second = createSchedule(trainer, 1)
  second.restore(JSON.parse(JSON.stringify(first.state())))
  for (const one of [whole, second]) one.afterEpoch(1.3)
  expect(second.at(0).learningRate).toBe(whole.at(0).learningRate)
  expect(second.at(0).learningRate).toBeCloseTo(2e-4, 15)
  expect(second.state()).toEqual(whole.state())
})

test('the state a schedule hands out changes under its reader', () => {
  const schedule = createSchedule(trainerSchema.parse({ scheduler: 'reduce_on_plateau' }), 1)
  schedule.afterEpoch(1)
  const state = schedule.state()
  schedule.afterEpoch(2)
  expect(state).toMatchObject({ badEpochs: 0 })
})

test('totalSteps loses the last partial batch, or ignores max_steps', () => {
  const trainer = (extra: object): ReturnType<typeof trainerSchema.parse> =>
    trainerSchema.parse({ batch_size: 32, max_epochs: 10, ...extra })
  expect(totalSteps(64, trainer({}))).toBe(20)
  expect(totalSteps(65, trainer({}))).toBe(30)
  expect(totalSteps(1, trainer({}))).toBe(10)
  expect(totalSteps(65, trainer({ max_steps: 7 }))).toBe(7)
  expect(totalSteps(65, trainer({ max_steps: 700 }))).toBe(30)
})
