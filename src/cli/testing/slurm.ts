import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ROOT } from '../../core/testing/workspace'

const SCRIPTS = path.resolve(ROOT, '..', 'shared', 'slurm')

/** Why there is no Slurm for tests here; undefined where there is. */
export const noSlurm: string | undefined = !fs.existsSync(path.join(SCRIPTS, 'start-slurm.sh'))
  ? 'no start-slurm.sh in ../shared/slurm'
  : process.getuid?.() !== 0
    ? 'Slurm is started by root alone'
    : undefined

let started = 0

/** A real Slurm on loopback with four emulated nodes of one processor; two of them at most in one process. */
export class TestSlurm {
  readonly base = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-slurm-'))
  readonly #settings: NodeJS.ProcessEnv

  /** @param settings of `start-slurm.sh` beside those */
  constructor(settings: Readonly<Record<`SLURM_${string}`, string>> = {}) {
    this.#settings = {
      ...process.env,
      SLURM_BASE: this.base,
      SLURM_NODES: '4',
      // Seconds: a node whose task was killed with it takes a while to complete that.
      SLURM_WAIT: '120',
      // Of this process alone, as far as anybody can tell.
      SLURM_PORT: String(20_000 + (process.pid % 2000) * 20 + 10 * (started++ % 2)),
      ...settings,
    }
  }

  start(): void {
    // A controller that was killed takes nodes that still run its jobs out of service.
    if (fs.existsSync(path.join(this.base, 'pid', 'slurmctld.pid')))
      spawnSync('scontrol', ['update', 'nodename=n[1-4]', 'state=resume'], { env: { ...process.env, ...this.env } })
    execFileSync('bash', [path.join(SCRIPTS, 'start-slurm.sh')], { env: this.#settings, stdio: 'pipe' })
  }

  stop(): void {
    spawnSync('bash', [path.join(SCRIPTS, 'stop-slurm.sh'), '--purge'], { env: this.#settings })
    fs.rmSync(this.base, { recursive: true, force: true })
  }

  /** What makes Slurm's commands speak to it. */
  get env(): { SLURM_CONF: string } {
    return { SLURM_CONF: path.join(this.base, 'etc', 'slurm.conf') }
  }

  run(command: string, ...args: string[]): string {
    return execFileSync(command, args, { env: { ...process.env, ...this.env }, encoding: 'utf8' })
  }

  /** Kills a daemon by its own pid file. */
  kill(daemon: string): void {
    process.kill(Number(fs.readFileSync(path.join(this.base, 'pid', `${daemon}.pid`), 'utf8')), 'SIGKILL')
    fs.rmSync(path.join(this.base, 'pid', `${daemon}.pid`))
  }

  /** Waits until the controller has forgotten all that has ended, as one does after minutes. */
  async forget(): Promise<void> {
    const conf = this.env.SLURM_CONF
    fs.writeFileSync(conf, fs.readFileSync(conf, 'utf8').replace(/^MinJobAge=.*$/m, 'MinJobAge=2'))
    this.run('scontrol', 'reconfigure')
    while (this.run('squeue', '-h', '-t', 'all') !== '') await new Promise((resolve) => setTimeout(resolve, 500))
  }

  /** Everything that the controller knew. */
  loseState(): void {
    fs.rmSync(path.join(this.base, 'state'), { recursive: true })
    fs.mkdirSync(path.join(this.base, 'state'))
  }
}
