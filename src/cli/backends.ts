import type { Command } from 'commander'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { listBackends } from '../core/engine/listBackends'
import { formatTable } from './format'
import { onInterrupt } from './interrupt'
import { createOutput } from './output'
import { enginePath } from './roots'

export function addBackends(program: Command, exit: (code: number) => void): void {
  program
    .command('backends')
    .description('Show what trains on this machine, and what would make the rest work')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: boolean }) => exit(await showBackends(json === true)))
}

async function showBackends(json: boolean): Promise<number> {
  const output = createOutput(json)
  const backends = await listBackends(
    childProcessSpawner(enginePath),
    onInterrupt(() => output.warn('Stopping.')),
  )
  const rows = backends.map(({ name, works, text, fix }) => [
    name,
    works ? 'yes' : 'no',
    fix === undefined ? text : `${text}. ${fix}`,
  ])
  for (const line of formatTable(['backend', 'works', 'with'], rows)) output.say(line)
  output.object({ type: 'result', backends })
  return 0
}
