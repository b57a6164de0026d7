import { AppError } from '../../../shared/errors'
import { graphicsCard } from './device'
import type { Binding } from './nodeBackend'
import { ScalarCache } from './scalarCache'

/** How TensorFlow says that memory is full. */
const OUT_OF_MEMORY = /\bOOM\b|out of memory|failed to allocate/i
/** How it says that a card has stopped answering. */
const LOST = /CUDA_ERROR|device.*(lost|unavailable)|illegal memory access/i

/** The add-on with {@link ScalarCache} before it, and its errors in words. Its own properties cannot be written. */
export function watched(binding: Binding, { onCard }: { onCard: boolean }): Binding {
  const told = <Arguments extends unknown[], Result>(call: (...args: Arguments) => Result) => ({
    value(...args: Arguments): Result {
      try {
        return call(...args)
      } catch (error) {
        throw inWords(error, onCard)
      }
    },
  })
  const scalars = new ScalarCache(binding)
  return Object.create(binding, {
    // Also where a table is sent to a card, and where a card's late error comes out.
    createTensor: told((...args: Parameters<Binding['createTensor']>) => scalars.createTensor(...args)),
    tensorDataSync: told((id: number) => binding.tensorDataSync(id)),
    executeOp: told((...args: Parameters<Binding['executeOp']>) => binding.executeOp(...args)),
    deleteTensor: { value: scalars.deleteTensor.bind(scalars) },
  })
}

/** What a failed operation means to whoever started the run. */
export function inWords(error: unknown, onCard: boolean): unknown {
  const said = error instanceof Error ? error.message : String(error)
  if (OUT_OF_MEMORY.test(said)) {
    const shape = /shape\[([\d,]*)\]/.exec(said)?.[1]
    const [rows = 0, width = 0, ...more] = (shape ?? '').split(',').map(Number)
    const wanted =
      shape && `, where ${gib(4 * product(shape))} more were wanted ([${shape.replaceAll(',', ' × ')}] numbers)`
    const card = onCard ? graphicsCard() : undefined
    const where = onCard ? 'The graphics card' : 'This machine'
    const state = card
      ? `${(card.free / 1024).toFixed(1)} of ${(card.memory / 1024).toFixed(1)} GiB are free`
      : 'its memory is full'
    // What a framework keeps for itself is not known; a tenth is left to it.
    const room = card ? Math.floor((0.9 * card.free * 2 ** 20) / (4 * Math.max(1, width))) : 0
    const fits =
      card && width > 0 && more.length === 0 && room < rows ? `; some ${room} rows of ${width} would fit` : ''
    return new AppError(
      'out_of_memory',
      `${where} cannot hold this run: ${state}${wanted ?? ''}${fits}`,
      {
        fix: 'Set trainer.table_streaming to fallback where it is the table of text vectors, lower trainer.batch_size, end what else uses the card, or take --backend fused, which computes in place.',
      },
      error,
    )
  }
  if (onCard && LOST.test(said))
    return new AppError(
      'engine_crashed',
      'The graphics card stopped answering',
      { fix: 'Resume the run from its last checkpoint; with --backend fused it needs no card.' },
      error,
    )
  return error
}

const product = (shape: string): number => shape.split(',').reduce((size, length) => size * Number(length), 1)
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toPrecision(3)} GiB`
