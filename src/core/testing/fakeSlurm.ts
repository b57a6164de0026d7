import fs from 'node:fs'
import path from 'node:path'

/**
 * Slurm's commands as shell scripts over a list of tasks, for what has to do with how they are called; nothing is ever trained by it. What a
 * real Slurm makes of them is tested by `src/cli/sweepSlurm.test.ts`.
 */
export class FakeSlurm {
  readonly #dir: string
  readonly #before = process.env['PATH']

  /** @param dir gets its commands, which stand before all others until {@link stop} */
  constructor(dir: string) {
    this.#dir = dir
    fs.mkdirSync(dir, { recursive: true })
    fs.writeFileSync(this.#queue, '')
    fs.writeFileSync(this.#looks, '')
    this.#command('sbatch', [
      'for word; do case $word in --comment=*) token=${word#*=};; --array=*) array=${word#*=};; esac; done',
      'array=${array%%%*}',
      `job=$(( $(wc -l < ${this.#queue}) + 100 ))`,
      'for part in ${array//,/ }; do',
      `  for i in $(seq \${part%-*} \${part#*-}); do echo "$job|$job|$i|PENDING|Resources||$token" >> ${this.#queue}; done`,
      'done',
      'echo $job',
    ])
    this.away(false)
    this.#command('scancel', [`for task; do sed -i "/^[0-9]*|\${task%_*}|\${task#*_}|/d" ${this.#queue}; done`])
    this.#command('scontrol', [
      `echo "$@" >> ${path.join(dir, 'scontrol')}.log`,
      'for task in ${2//,/ }; do',
      '  case $1 in uhold) reason=JobHeldUser;; *) reason=Priority;; esac',
      `  sed -i "s/^\\([0-9]*|\${task%_*}|\${task#*_}|PENDING\\)|[^|]*|/\\1|$reason|/" ${this.#queue}`,
      'done',
    ])
    this.#command('sacct', ['exit 1'])
    process.env['PATH'] = `${dir}:${this.#before}`
  }

  stop(): void {
    process.env['PATH'] = this.#before
  }

  /** Its tasks, as squeue prints them. */
  get tasks(): string[] {
    return fs.readFileSync(this.#queue, 'utf8').split('\n').filter(Boolean)
  }

  /** How often its queue has been asked for and was shown. */
  get looks(): number {
    return fs.statSync(this.#looks).size
  }

  /**
   * A task is no longer what it was.
   *
   * @param of token of its batch, where there are several
   */
  change(index: number, state: string, reason: string, node: string, of?: string): void {
    const lines = this.tasks.map((line) => {
      const [id, job, own, , , , token] = line.split('|')
      return own === String(index) && (of === undefined || of === token)
        ? [id, job, own, state, reason, node, token].join('|')
        : line
    })
    fs.writeFileSync(this.#queue, lines.map((line) => `${line}\n`).join(''))
  }

  /** It does not answer, until it does again. */
  away(is: boolean): void {
    this.#command(
      'squeue',
      is
        ? ['echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1']
        : [`echo >> ${this.#looks}`, `cat ${this.#queue}`],
    )
  }

  get #looks(): string {
    return path.join(this.#dir, 'looks')
  }

  get #queue(): string {
    return path.join(this.#dir, 'queue')
  }

  #command(name: string, lines: readonly string[]): void {
    fs.writeFileSync(path.join(this.#dir, name), `#!/bin/bash\n${lines.join('\n')}\n`, { mode: 0o755 })
  }
}
