import { Program, compile, mergeLevels, ownedLevels, writeLevels } from '../../kernels/program'
import type { FusedGroup, Member } from './fusedGroup'

export interface OperationTime {
  /** The operation's kernel. */
  name: string
  /** How many of a step's operations run it. */
  count: number
  /** Milliseconds of all of them in one step, median. */
  ms: number
}

/**
 * Where a training step's time goes: each operation run by itself over and over, on the buffers as the last step left them. Together
 * they take what a step takes, less its barriers' waits. The parameters are worth nothing afterwards.
 *
 * @param repeats runs of each operation
 */
export function accountOfStep(group: FusedGroup, members: readonly Member[], repeats: number): OperationTime[] {
  const { machine } = group
  const byName = new Map<string, OperationTime>()
  for (const level of [group.first, ...members.map(({ program }) => program)].flatMap(({ levels }) => levels))
    for (const operation of level) {
      const alone = new Program()
      alone.add(operation)
      const address = compile(machine, alone, [new Program()])
      const times = Array.from({ length: repeats }, () => {
        const started = performance.now()
        machine.run(address)
        return performance.now() - started
      }).sort((a, b) => a - b)
      const known = byName.get(operation.name) ?? { name: operation.name, count: 0, ms: 0 }
      byName.set(operation.name, {
        ...known,
        count: known.count + 1,
        ms: known.ms + times[times.length >> 1]!,
      })
    }
  return [...byName.values()].sort((a, b) => b.ms - a.ms)
}

export interface LevelTime {
  /** The operations between two barriers, each kernel once. */
  operations: string[]
  /** Milliseconds in one epoch: of each batch the fastest of all repeats, as others at the processor only add to it. */
  ms: number
}

/**
 * Where an epoch's time goes, level by level: programs that end after the first, the second, … level run through the epoch's own
 * batches, texts out of memory, threads and barriers included; a level takes what its program takes longer than the one
 * before. The parameters are worth nothing afterwards.
 *
 * @param batches each step's rows of the training split
 */
export function accountOfLevels(
  group: FusedGroup,
  members: readonly Member[],
  batches: readonly Int32Array[],
  repeats: number,
): LevelTime[] {
  const { machine } = group
  const programs = members.map(({ program }) => program)
  const first = ownedLevels(group.first)
  const levels = mergeLevels(programs, machine.threads)
  const prefixes = Array.from({ length: levels.length + 1 }, (_, end) =>
    writeLevels(machine, [...first, ...levels.slice(0, end)]),
  )
  const best = prefixes.map(() => batches.map(() => Infinity))
  for (let i = 0; i < repeats; i++)
    for (const [end, address] of prefixes.entries())
      for (const [batch, rows] of batches.entries()) {
        const started = performance.now()
        group.runOn(rows, address)
        best[end]![batch] = Math.min(best[end]![batch]!, performance.now() - started)
      }
  const sums = best.map((times) => times.reduce((sum, ms) => sum + ms, 0))
  return sums.map((ms, end) => ({
    operations: [
      ...new Set(
        (end === 0 ? first : [levels[end - 1]!]).flatMap(({ operations }) => operations).map(({ name }) => name),
      ),
    ],
    ms: end === 0 ? ms : ms - sums[end - 1]!,
  }))
}
