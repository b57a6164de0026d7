import { Program, compile } from '../../kernels/program'
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
