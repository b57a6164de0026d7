import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AppError } from '../../shared/errors'
import { experiment } from '../testing/experiment'
import { syntheticDataset } from '../testing/syntheticDataset'
import type { Execution } from './execution'
import { fasterOf } from './fasterOf'
import type { Backend } from './openBackend'
import { openTfjs } from './tfjs/openTfjs'

const dataset = syntheticDataset({ users: 4, texts: 12, width: 6, pairs: 45 })
const config = experiment('caimira', { max_epochs: 1, batch_size: 8 })

/** A real execution whose steps take `ms`; counts what is open. */
async function backend(name: string, ms: number): Promise<Backend & { open: number; closed: boolean }> {
  const real = await openTfjs('cpu')
  const made = {
    ...real,
    name,
    why: `this is ${name}`,
    onCard: name === 'card',
    open: 0,
    closed: false,
    async execute(...asked: Parameters<Backend['execute']>): Promise<Execution[]> {
      const executions = await real.execute(...asked)
      return executions.map((execution) => {
        made.open++
        return new Proxy(execution, {
          get(target, key) {
            if (key === 'trainStep') return () => void (clock += ms)
            if (key === 'dispose') return () => void (made.open--, target.dispose())
            const value: unknown = Reflect.get(target, key, target)
            return typeof value === 'function' ? value.bind(target) : value
          },
        })
      })
    },
    close() {
      made.closed = true
    },
  }
  return made
}

/** Time passes in steps alone: what else the machine does makes none of them slower. */
let clock = 0
beforeEach(() => {
  clock = 0
  vi.spyOn(performance, 'now').mockImplementation(() => clock)
})
afterEach(() => void vi.restoreAllMocks())

it('takes the card where it is faster, and lets go of what was only timed', async () => {
  const fused = await backend('fused', 12)
  const card = await backend('card', 3)
  const chosen = fasterOf(fused, () => Promise.resolve(card))
  const [execution] = await chosen.execute([config], dataset)
  expect(chosen.name).toBe('card')
  expect(chosen.why).toBe('this is card; a step takes 12 ms on the processor and 3.0 ms on the card')
  expect([fused.open, card.open]).toEqual([0, 1])
  execution!.dispose()
  chosen.close()
  expect([fused.closed, card.closed]).toEqual([true, true])
})

it('stays on the processor where that is faster, and closes the card', async () => {
  const fused = await backend('fused', 4)
  const card = await backend('card', 12)
  const chosen = fasterOf(fused, () => Promise.resolve(card))
  await chosen.execute([config], dataset)
  expect(chosen.name).toBe('fused')
  expect([card.open, card.closed, fused.closed]).toEqual([0, true, false])
})

it('does not wake a card for steps that it cannot beat, nor for runs that train in one pass', async () => {
  const wake = (): never => expect.unreachable('the card was opened')
  const quick = fasterOf(await backend('fused', 0.1), wake)
  await quick.execute([config], dataset)
  expect(quick.why).toContain('which a graphics card would not beat')
  const many = fasterOf(await backend('fused', 12), wake)
  expect(await many.execute([config, config], dataset)).toHaveLength(2)
})

it('a card that fails fails no run, and the log says what happened', async () => {
  const chosen = fasterOf(await backend('fused', 12), () =>
    Promise.reject(new AppError('backend_unavailable', 'its driver is too old')),
  )
  await chosen.execute([config], dataset)
  expect(chosen.name).toBe('fused')
  expect(chosen.why).toBe('this is fused; the graphics card was tried and failed: its driver is too old')
})

it('TensorFlow that falls back to the processor is not taken for a card', async () => {
  const processor = await backend('tensorflow', 3)
  const chosen = fasterOf(await backend('fused', 12), () => Promise.resolve(processor))
  await chosen.execute([config], dataset)
  expect(chosen.name).toBe('fused')
  expect(chosen.why).toContain('TensorFlow does not find it')
  expect([processor.open, processor.closed]).toEqual([0, true])
})
