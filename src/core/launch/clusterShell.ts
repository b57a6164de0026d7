import { spawn } from 'node:child_process'
import type { Cluster } from '../../shared/domain/cluster'
import { AppError, messageOf } from '../../shared/errors'
import { isMissing } from '../runs/readInside'
import { quote } from '../service/command'

/** Longer than a controller that is away lets its commands hang (9 s), and than ssh takes to give up. */
const PATIENCE_MS = 60_000
/** A copy of a large table over a slow line. */
const COPY_PATIENCE_MS = 6 * 3_600_000
/** Of what a command says. */
const MOST_BYTES = 64 << 20
const CONNECT_SECONDS = 15

/** Runs commands where the batch system is: on this machine, or through the person's own ssh. */
export class ClusterShell {
  readonly #cluster: Pick<Cluster, 'host' | 'ssh_options'>
  readonly #patience: number

  constructor(cluster: Pick<Cluster, 'host' | 'ssh_options'>, patience = PATIENCE_MS) {
    this.#cluster = cluster
    this.#patience = patience
  }

  /**
   * What it printed.
   *
   * @param argv words; no shell reads them but quoted
   * @throws AppError `service_failed` with the last that it said
   */
  run(argv: readonly string[], input?: string): Promise<string> {
    const { host } = this.#cluster
    if (host === undefined) return spawned(argv, this.#patience, input)
    return spawned([...this.#ssh(), '--', host, argv.map(quote).join(' ')], this.#patience, input)
  }

  /** Copies what changed in a folder, or a file, to the cluster or from it. */
  async copy(direction: 'to' | 'from', local: string, remote: string, options: readonly string[] = []): Promise<void> {
    const { host } = this.#cluster
    const there = host === undefined ? remote : `${host}:${remote}`
    const ends = direction === 'to' ? [local, there] : [there, local]
    // -s: the far shell does not read the path.
    const carrier = host === undefined ? [] : ['-s', '-e', this.#ssh().map(quote).join(' ')]
    await spawned(['rsync', '-a', ...carrier, ...options, '--', ...ends], COPY_PATIENCE_MS)
  }

  #ssh(): string[] {
    // Nobody is there to type a password.
    return ['ssh', '-o', 'BatchMode=yes', '-o', `ConnectTimeout=${CONNECT_SECONDS}`, ...this.#cluster.ssh_options]
  }
}

function spawned(argv: readonly string[], patience: number, input = ''): Promise<string> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void =>
      reject(new AppError('service_failed', `${program} failed: ${why}`, fixOf(program), cause))
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const [out, err]: [Buffer[], Buffer[]] = [[], []]
    let bytes = 0
    const keep = (to: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MOST_BYTES) child.kill('SIGKILL')
      else to.push(chunk)
    }
    child.stdout.on('data', keep(out))
    child.stderr.on('data', keep(err))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`it gave no answer within ${patience / 1000} s`)
    }, patience)
    child.on('error', (error) => {
      clearTimeout(timer)
      fail(isMissing(error) ? 'it is not on this machine' : messageOf(error), error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) return resolve(Buffer.concat(out).toString('utf8'))
      const said = Buffer.concat(err).toString('utf8').trim().split('\n').slice(-3).join('; ')
      fail(said === '' ? `it ended with ${signal ?? code}` : said)
    })
  })
}

function fixOf(program: string): { fix: string } {
  if (program === 'ssh')
    return { fix: 'Try the same host with ssh in a terminal: it must let you in without a question.' }
  if (program === 'rsync') return { fix: 'rsync must be installed on both machines.' }
  return { fix: 'Is this a machine of the cluster? Elsewhere the profile names its login node by host.' }
}
