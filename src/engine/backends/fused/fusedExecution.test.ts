import { afterEach, describe, expect, it } from 'vitest'
import { MODEL_NAMES, type ExperimentConfig } from '../../../shared/config/experiment'
import type { Dataset } from '../../data/dataset'
import { withGenericUser, withShuffledUsers } from '../../evaluate/controls'
import { createSchedule } from '../../loop/schedule'
import { halfSwapped } from '../../metrics/leakCheck'
import { hasFusedForm } from '../../models/traits'
import { casesOf } from '../../models/testing/cases'
import { experiment } from '../../testing/experiment'
import { syntheticDataset } from '../../testing/syntheticDataset'
import type { Execution } from '../execution'
import { openBackend, type Backend } from '../openBackend'

const opened: Backend[] = []
afterEach(() => {
  for (const backend of opened.splice(0)) backend.close()
})

async function execution(config: ExperimentConfig, dataset: Dataset): Promise<Execution> {
  const backend = await openBackend(config)
  opened.push(backend)
  return (await backend.execute([config], dataset))[0]!
}

const STEPS = 50

/** Takes 50 steps, the last batch of an epoch a short one, and returns every loss and the margins of two splits. */
async function trajectory(one: Execution, dataset: Dataset, config: ExperimentConfig) {
  const { trainer } = config
  const schedule = createSchedule(trainer, STEPS)
  const perEpoch = Math.ceil(dataset.splits.train.pairs / trainer.batch_size)
  for (let step = 0; step < STEPS; step++) {
    const batch = step % perEpoch
    const rows = one
      .order(Math.floor(step / perEpoch))
      .slice(batch * trainer.batch_size, (batch + 1) * trainer.batch_size)
    one.trainStep(rows, schedule.at(step), Math.floor(step / perEpoch))
  }
  const figures = await one.drainSteps()
  const z = await Promise.all(
    [dataset.splits.test!, dataset.splits.test_unseen!].map(async (split) => (await one.evaluate(split)).z),
  )
  return { figures, z: z.flatMap((values) => [...values]) }
}

/** model2's two LayerNorms over 4 values magnify float32's rounding beyond comparison; over 8 they do not. */
const WIDER = { model2: { n_dim: 8, proj_hidden: 32 } }

const cases = MODEL_NAMES.filter((model) => hasFusedForm(experiment(model))).flatMap((model) =>
  casesOf(model).map((one) => ({
    ...one,
    model,
    section: { ...one.section, ...(model === 'model2' && WIDER.model2) },
  })),
)

/**
 * Steps divide by the gradient's own size, so that where it is nothing but rounding, rounding becomes a whole step. An ε well
 * above the rounding keeps such entries still, and 50 steps comparable.
 */
describe.each([
  { name: 'Adam', trainer: { batch_size: 32, eps: 1e-4 } },
  {
    name: 'AdamW with decay, clipping and a cosine',
    trainer: { batch_size: 27, eps: 1e-4, weight_decay: 0.1, gradient_clip_val: 0.05, scheduler: 'cosine' },
  },
  { name: 'SGD', trainer: { batch_size: 64, learning_rate: 0.02, optimizer: 'SGD', weight_decay: 0.01 } },
  { name: 'RMSprop', trainer: { batch_size: 100, learning_rate: 2e-4, eps: 1e-3, optimizer: 'RMSprop' } },
])('the fused step leaves the reference under $name', ({ trainer }) => {
  it.each(cases)('$name', async ({ model, section, features }) => {
    const dataset = syntheticDataset({ users: 7, texts: 60, width: 21, pairs: 170, features: features ? 3 : 0 })
    const [reference, fused] = await Promise.all(
      (['wasm', 'fused'] as const).map(async (backend) => {
        const config = { ...experiment(model, trainer, section), backend, threads: 2 }
        return trajectory(await execution(config, dataset), dataset, config)
      }),
    )
    const worst = Math.max(
      ...fused!.figures.map(({ loss }, step) => Math.abs(loss / reference!.figures[step]!.loss - 1)),
    )
    expect(worst, 'largest relative difference of a loss').toBeLessThan(1e-5)
    const largest = Math.max(...reference!.z.map(Math.abs))
    const apart = Math.max(...fused!.z.map((z, row) => Math.abs(z - reference!.z[row]!))) / largest
    expect(apart, 'largest difference of a margin').toBeLessThan(1e-5)
    let turned = 0
    for (const [step, { rows, reg_loss, acc }] of fused!.figures.entries()) {
      const expected = reference!.figures[step]!
      expect(rows).toBe(expected.rows)
      turned += Math.round(Math.abs(acc - expected.acc) * rows)
      expect(Math.abs(reg_loss - expected.reg_loss)).toBeLessThanOrEqual(1e-5 * expected.reg_loss)
    }
    // A z that is nothing but rounding may have either sign: of some thousand pairs, one at most.
    expect(turned, 'pairs of all steps on the other side of 0').toBeLessThanOrEqual(1)
    if (process.env['SHOW'])
      process.stdout.write(`${model} loss ${worst.toExponential(1)} z ${apart.toExponential(1)}\n`)
  })
})

it('a later run of the process has batches of its own size, not of the run that opened the backend', async () => {
  const dataset = syntheticDataset({ users: 7, texts: 60, width: 21, pairs: 170 })
  const sized = (batch_size: number): ExperimentConfig => ({
    ...experiment('bt', { batch_size }),
    backend: 'fused',
    threads: 2,
  })
  const backend = await openBackend(sized(8))
  opened.push(backend)
  for (const config of [sized(8), sized(100), sized(27)]) {
    const later = (await backend.execute([config], dataset))[0]!
    const alone = await execution(config, dataset)
    const [own, expected] = await Promise.all([later, alone].map((one) => trajectory(one, dataset, config)))
    expect(own).toEqual(expected)
    expect(later.threads).toBe(2)
  }
})

it.each(cases)(
  'splits of the same texts that are evaluated together are given each other’s margins: $name',
  async ({ model, section, features }) => {
    // Of several chunks, the last of which is not full.
    const dataset = syntheticDataset({ users: 7, texts: 60, width: 21, pairs: 3100, features: features ? 3 : 0 })
    const config = { ...experiment(model, { batch_size: 40 }, section), backend: 'fused' as const, threads: 2 }
    const one = await execution(config, dataset)
    const { train } = dataset.splits
    const own = { ...train, rewardMargin: Float32Array.from({ length: train.pairs }, (_, i) => Math.sin(i)) }
    const { half } = halfSwapped(own)
    const splits = [own, half, withShuffledUsers(own, dataset)!, withGenericUser(own, dataset)]
    const together = await one.evaluateAlike(splits)
    const alone = await Promise.all(splits.map((split) => one.evaluate(split)))
    expect(together).toEqual(alone)
    expect(new Set(together.map(({ z }) => z.join())).size).toBe(model === 'bt' ? 2 : 4)
    // Other controls of the same split are not taken for those.
    const [again, other] = await one.evaluateAlike([own, splits[3]!])
    expect([again, other]).toEqual([alone[0], alone[3]])
  },
)
