import { describe, expect, it } from 'vitest'
import { MODEL_NAMES, type ExperimentConfig, type ModelName } from '../../shared/config/experiment'
import { openBackend } from '../backends/openBackend'
import { findAddOn } from '../backends/tensorflow/findAddOn'
import type { ExecutionState } from '../backends/execution'
import { hasFusedForm } from '../models/traits'
import { experiment } from '../testing/experiment'
import { syntheticDataset } from '../testing/syntheticDataset'
import { START, epochsLogged, fit, scheduleOf, type FitOutcome, type Position } from './fit'
import type { PlateauState } from './schedule'

const dataset = syntheticDataset({ users: 4, texts: 12, width: 6, pairs: 45, features: 2 })
/** 45 pairs in batches of 8 are 6 steps an epoch, the last one short. */
const STEPS_PER_EPOCH = 6

interface Session {
  outcome: FitOutcome
  state: ExecutionState
  schedule: PlateauState | null
  /** Epochs that ended in this session. */
  logged: number[]
}

interface Start {
  position: Position
  state: ExecutionState
  schedule: PlateauState | null
}

async function session(config: ExperimentConfig, stopAt: number, start?: Start): Promise<Session> {
  const backend = await openBackend(config)
  const execution = (await backend.execute([config], dataset))[0]!
  const schedule = scheduleOf(dataset.splits.train, config.trainer)
  if (start) {
    execution.load(start.state)
    if (start.schedule) schedule.restore(start.schedule)
  }
  const stop = new AbortController()
  const logged: number[] = []
  const outcome = await fit({
    execution,
    train: dataset.splits.train,
    validation: dataset.splits.dev,
    trainer: config.trainer,
    schedule,
    callbacks: [
      {
        onStep: (step) => step === stopAt && stop.abort(),
        onEpochEnd: ({ epoch }) => void logged.push(epoch),
      },
    ],
    stop: stop.signal,
    from: start?.position ?? START,
  })
  const state = await execution.state()
  execution.dispose()
  backend.close()
  return { outcome, state, schedule: schedule.state(), logged }
}

/** What goes through the checkpoint's files must come back the same. */
function throughFiles<T>(value: T): T {
  return structuredClone(value)
}

/** Of models whose usual layers are large beside this data. */
const SMALL: Partial<Record<ModelName, object>> = { model2: { proj_hidden: 8 }, ntm: { words_emb_dim: 8 } }

const settings: [ModelName, string, object][] = [
  ...MODEL_NAMES.map((name): [ModelName, string, object] => [name, 'defaults', {}]),
  ['caimira', 'onecycle', { scheduler: 'onecycle' }],
  ['caimira', 'cosine and weight decay', { scheduler: 'cosine', weight_decay: 0.01 }],
  ['caimira', 'reduce_on_plateau', { scheduler: 'reduce_on_plateau', plateau_patience: 0, learning_rate: 0.5 }],
  ['caimira', 'RMSprop', { optimizer: 'RMSprop' }],
  ['caimira', 'SGD', { optimizer: 'SGD' }],
  ['caimira', 'its own data_seed', { data_seed: 3, seed: 9 }],
]

/** Every setting on the reference, on the fused engine where it has the model, and on TensorFlow where it is set up. */
const cases = settings.flatMap(([model, what, trainer]) =>
  (['wasm', 'fused', 'tensorflow'] as const)
    .filter((backend) => backend !== 'fused' || hasFusedForm(experiment(model)))
    .filter((backend) => backend !== 'tensorflow' || findAddOn())
    .map((backend) => ({ model, what, trainer, backend })),
)

describe('a run that was stopped and resumed ends where an unbroken one does, bit for bit', () => {
  it.each(cases)('$model, $what, on $backend', async ({ model, trainer, backend }) => {
    const config = { ...experiment(model, { max_epochs: 3, batch_size: 8, ...trainer }, SMALL[model]), backend }
    const unbroken = await session(config, Infinity)
    expect(unbroken.outcome.ended).toBe('max_epochs')
    // Within an epoch, at its last step (validation still to come), within the last epoch, and at its last step.
    const stops = [1, STEPS_PER_EPOCH, STEPS_PER_EPOCH + 2, 3 * STEPS_PER_EPOCH - 1, 3 * STEPS_PER_EPOCH]
    const logged: number[] = []
    let start: Start | undefined
    // Where it stops is the loop's matter, the same on each backend: the slowest one is asked for its state within and after an epoch.
    for (const stopAt of backend === 'tensorflow' ? stops.slice(1, 3) : stops) {
      const { outcome, state, schedule, logged: own } = await session(config, stopAt, start)
      expect(outcome).toMatchObject({ ended: 'stopped', steps: stopAt })
      logged.push(...own)
      start = { position: throughFiles(outcome.position), state: throughFiles(state), schedule }
    }
    const last = await session(config, Infinity, start)
    expect(last.outcome).toMatchObject({ ended: 'max_epochs', steps: 3 * STEPS_PER_EPOCH, epochs: 3 })
    expect(last.state).toEqual(unbroken.state)
    expect([...logged, ...last.logged]).toEqual([0, 1, 2])
  })

  it('trains on when a finished run gets more epochs', async () => {
    const short = await session(experiment('caimira', { max_epochs: 1, batch_size: 8 }), Infinity)
    const long = experiment('caimira', { max_epochs: 2, batch_size: 8 })
    const resumed = await session(long, Infinity, {
      position: short.outcome.position,
      state: short.state,
      schedule: null,
    })
    expect(resumed.outcome.steps).toBe(2 * STEPS_PER_EPOCH)
    expect(resumed.state).toEqual((await session(long, Infinity)).state)
  })

  it('logs an epoch cut short by max_steps once, and goes on within it when there is more to do', async () => {
    const cut = await session(experiment('caimira', { max_epochs: 3, max_steps: 8, batch_size: 8 }), Infinity)
    expect(cut).toMatchObject({ logged: [0, 1], outcome: { ended: 'max_steps', epochs: 2, steps: 8 } })
    const start = { position: throughFiles(cut.outcome.position), state: cut.state, schedule: null }
    const again = await session(experiment('caimira', { max_epochs: 3, max_steps: 8, batch_size: 8 }), Infinity, start)
    expect(again).toMatchObject({ logged: [], outcome: { ended: 'max_steps', epochs: 2, steps: 8 } })
    const more = await session(experiment('caimira', { max_epochs: 3, batch_size: 8 }), Infinity, start)
    expect(more).toMatchObject({ logged: [1, 2], outcome: { steps: 3 * STEPS_PER_EPOCH } })
    expect(epochsLogged(cut.outcome.position, 8, 8)).toBe(2)
    expect(epochsLogged(cut.outcome.position, 8, 18)).toBe(1)
  })

  it('does nothing when a finished run is resumed without more to do', async () => {
    const config = experiment('caimira', { max_epochs: 1, batch_size: 8 })
    const done = await session(config, Infinity)
    const again = await session(config, Infinity, {
      position: done.outcome.position,
      state: done.state,
      schedule: null,
    })
    expect(again.state).toEqual(done.state)
    expect(again.outcome).toMatchObject({ steps: STEPS_PER_EPOCH, trainMs: [] })
  })
})
