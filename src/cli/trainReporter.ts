import path from 'node:path'
import type { Progress } from '../shared/api/engineProtocol'
import type { RunNews } from '../core/service/runNews'
import type { MetricBatch } from '../shared/domain/metric'
import type { RunResult } from '../shared/domain/run'
import { formatDuration, formatFigure } from './format'
import type { Output } from './output'
import { configRoots } from './roots'

/** Where lines cannot be rewritten, an epoch is printed at most this often. */
const LINE_EVERY_MS = 1_000

/** Turns an engine's frames into what a person, or a script, follows a training run by. */
export class TrainReporter {
  readonly #output: Output
  #epochs = 0
  #progress: Progress | undefined
  #last: MetricBatch | undefined
  #best = { epoch: -1, loss: Infinity }
  #printed = 0

  constructor(output: Output) {
    this.#output = output
  }

  frame(frame: RunNews): void {
    if (frame.type !== 'progress') this.#output.object(frame)
    switch (frame.type) {
      case 'started':
        this.#epochs = frame.epochs
        this.#output.say(
          `Training on ${frame.pairs.toLocaleString('en')} pairs of ${frame.users.toLocaleString('en')} users, ` +
            `${frame.parameters.toLocaleString('en')} parameters → ${relative(frame.dir)}`,
        )
        break
      case 'log':
        if (frame.level === 'info') this.#output.say(frame.message)
        else if (frame.level === 'warn') this.#output.warn(`Warning: ${frame.message}`)
        break
      case 'progress':
        this.#progress = frame.progress
        this.#epochs = frame.progress.epochs
        this.#output.status(this.#line())
        break
      case 'metrics':
        this.#metrics(frame.batch)
        break
    }
  }

  result(result: RunResult): void {
    if (!this.#output.live && this.#last) this.#print(true)
    this.#output.object(result)
    const { epochs, seconds, best_epoch, dir } = result
    const word = result.status === 'stopped' ? 'Stopped' : 'Done'
    const best = best_epoch === undefined ? '' : `, best epoch ${best_epoch + 1}`
    this.#output.say(`${word}: ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} in ${formatDuration(seconds)}${best}`)
    for (const split of ['val', 'test', 'test_unseen'] as const) {
      const acc = result[`${split}_acc`]
      const loss = result[`${split}_loss`]
      if (acc !== undefined && loss !== undefined)
        this.#output.say(
          `  ${split.padEnd(11)}  acc ${(100 * acc).toFixed(1)} %  loss ${formatFigure(loss)}${liftOf(result, split)}`,
        )
    }
    if (result.leaks === true)
      this.#output.say('  These figures are no result: the model leaks (see the warnings above)')
    this.#output.say(`  ${relative(dir)}`)
  }

  #metrics(batch: MetricBatch): void {
    if (batch.values['train_loss'] === undefined) return
    this.#last = batch
    const loss = batch.values['val_loss']
    if (loss !== undefined && loss < this.#best.loss) this.#best = { epoch: batch.epoch, loss }
    if (this.#output.live) this.#output.status(this.#line())
    else this.#print(false)
  }

  #print(force: boolean): void {
    const now = performance.now()
    if (!this.#last || (!force && this.#printed > 0 && now - this.#printed < LINE_EVERY_MS)) return
    this.#printed = now
    this.#output.say(this.#line())
    this.#last = undefined
  }

  /** `epoch 12/100  train_loss 0.4512  val_loss 0.4630  val_acc 86.1 %  best 9  850 steps/s  3 s left` */
  #line(): string {
    const { values = {}, epoch = 0 } = this.#last ?? {}
    const total = this.#epochs > 0 ? `/${this.#epochs}` : ''
    const figure = (name: string): string[] =>
      values[name] === undefined ? [] : [`${name} ${formatFigure(values[name])}`]
    const percent = (name: string): string[] =>
      values[name] === undefined ? [] : [`${name} ${(100 * values[name]).toFixed(1)} %`]
    return [
      `epoch ${String(epoch + 1).padStart(total.length - 1)}${total}`,
      ...figure('train_loss'),
      ...percent('train_acc'),
      ...figure('val_loss'),
      ...percent('val_acc'),
      ...(this.#best.epoch >= 0 ? [`best ${this.#best.epoch + 1}`] : []),
      ...(this.#progress
        ? [`${Math.round(this.#progress.stepsPerSecond)} steps/s`, `${formatDuration(this.#progress.secondsLeft)} left`]
        : []),
    ].join('  ')
  }
}

/** What the model adds to its base reward on a test split; nothing where there is no base reward. */
function liftOf(result: RunResult, split: 'val' | 'test' | 'test_unseen'): string {
  if (split === 'val') return ''
  const [reward, lift] = [result[`${split}_acc_r_star`], result[`${split}_lift`]]
  if (reward === undefined || lift === undefined) return ''
  const sign = lift < 0 ? '−' : '+'
  return `  base reward ${(100 * reward).toFixed(1)} %, lift ${sign}${Math.abs(100 * lift).toFixed(1)} points`
}

/** The shorter of the absolute and the relative path. */
function relative(dir: string): string {
  const short = path.relative(configRoots().cwd, dir)
  return short.length < dir.length && !short.startsWith('..') ? short : dir
}
