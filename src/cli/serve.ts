import { InvalidArgumentError, type Command } from 'commander'
import { serveHere } from '../server/index'
import { onInterrupt } from './interrupt'
import { createOutput } from './output'
import { configRoots } from './roots'

export function addServe(program: Command, exit: (code: number) => void): void {
  program
    .command('serve')
    .description('Serve the workbench to a browser on this machine')
    .option('--port <n>', 'port on 127.0.0.1; 0 takes any free one', port, 0)
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
    .option('--data-dir <dir>', "folder of the history of all runs (default: DELTA_HOME, or the system's own place)")
    .action(async ({ port, log_dir, dataDir }: { port: number; log_dir: string; dataDir?: string }) => {
      const output = createOutput(false)
      const stop = onInterrupt(() => {})
      const served = await serveHere({ port, logDir: log_dir, dataDir, cwd: configRoots().cwd })
      output.say(`The workbench is at ${served.url}`)
      output.say(
        'From another machine: ssh -L PORT:127.0.0.1:PORT HOST. Ctrl-C ends it.'.replaceAll(
          'PORT',
          String(served.port),
        ),
      )
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
