import { InvalidArgumentError, type Command } from 'commander'
import { serveHere } from '../server/index'
import { onInterrupt } from './interrupt'
import { createOutput } from './output'
import { configRoots } from './roots'

interface ServeFlags {
  port: number
  log_dir: string
  dataDir?: string
  root?: string[]
}

const several = (dir: string, before: string[] = []): string[] => [...before, dir]

export function addServe(program: Command, exit: (code: number) => void): void {
  program
    .command('serve')
    .description('Serve the workbench to a browser on this machine')
    .option('--port <n>', 'port on 127.0.0.1; 0 takes any free one', port, 0)
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
    .option('--data-dir <dir>', "folder of the history of all runs (default: DELTA_HOME, or the system's own place)")
    .option(
      '--root <dir>',
      'folder whose files the page may choose (default: this one); may be given several times',
      several,
    )
    .action(async ({ port, log_dir, dataDir, root }: ServeFlags) => {
      const output = createOutput(false)
      const stop = onInterrupt(() => {})
      const served = await serveHere({ port, logDir: log_dir, dataDir, browse: root, cwd: configRoots().cwd })
      output.say(`The workbench is at ${served.url}`)
      output.say(`From another machine, first: ${served.ssh}`)
      output.say('Ctrl-C ends it.')
      await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
      await served.close()
      exit(0)
    })
}

function port(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError('a port is a number from 0 to 65535')
  return value
}
