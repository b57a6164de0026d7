import { expect, test } from 'vitest'
import type { RunResult } from '../shared/domain/run'
import type { RunNews } from '../core/service/runNews'
import type { Output } from './output'
import { TrainReporter } from './trainReporter'

type Frame = RunNews | { type: 'result'; result: RunResult }

function report(frames: readonly Frame[], live: boolean): { said: string[]; status: string[]; objects: object[] } {
  const heard = { said: new Array<string>(), status: new Array<string>(), objects: new Array<object>() }
  const output: Output = {
    json: false,
    live,
    say: (line) => void heard.said.push(line),
    warn: (line) => void heard.said.push(line),
    status: (line) => void heard.status.push(line),
    object: (value) => void heard.objects.push(value),
  }
  const reporter = new TrainReporter(output)
  for (const frame of frames) {
    if (frame.type === 'result') reporter.result(frame.result)
    else reporter.frame(frame)
  }
  return heard
}

const epoch = (n: number, values: Record<string, number>): Frame => ({
  type: 'metrics',
  batch: { epoch: n, step: n, time: 0, values },
})
const result: RunResult = {
  type: 'result',
  runId: 'r',
  dir: '/elsewhere/v0',
  status: 'finished',
  epochs: 1,
  steps: 1,
  seconds: 239.8,
  ms_per_epoch: 1,
  ms_per_validation: 1,
  steps_per_second: 1,
  peak_rss_bytes: 1,
  backend: 'cpu',
  threads: 1,
  best_epoch: 0,
  val_loss: 0.5,
  val_acc: 0.75,
}

test('the last epoch is not printed, or figures of the test as an epoch of training', () => {
  const frames: Frame[] = [
    epoch(0, { train_loss: 0.7, train_acc: 0.5, val_loss: 0.6, val_acc: 0.5 }),
    epoch(1, { train_loss: 0.6, train_acc: 0.6, val_loss: 0.65, val_acc: 0.6 }),
    epoch(2, { test_loss: 0.1, test_acc: 0.9 }),
    { type: 'result', result },
  ]
  const { said } = report(frames, false)
  expect(said.filter((line) => line.startsWith('epoch'))).toEqual([
    'epoch 1  train_loss 0.7000  train_acc 50.0 %  val_loss 0.6000  val_acc 50.0 %  best 1',
    'epoch 2  train_loss 0.6000  train_acc 60.0 %  val_loss 0.6500  val_acc 60.0 %  best 1',
  ])
  expect(said.slice(-3)).toEqual([
    'Done: 1 epoch in 4 min 00 s, best epoch 1',
    '  val          acc 75.0 %  loss 0.5000',
    '  /elsewhere/v0',
  ])
})

test('a terminal is flooded with a line an epoch', () => {
  const { said, status } = report(
    [0, 1, 2].map((n) => epoch(n, { train_loss: 1 })),
    true,
  )
  expect([said.length, status.length]).toEqual([0, 3])
})

test('the protocol version, or progress that nobody asked for, reaches a script', () => {
  const progress = { epoch: 0, epochs: 1, step: 1, steps: 2, stepsPerSecond: 1, secondsLeft: 1, cores: 1, rssBytes: 1 }
  const { objects } = report([{ type: 'progress', progress }, epoch(0, { train_loss: 1 })], false)
  expect(JSON.parse(JSON.stringify(objects))).toEqual([
    { type: 'metrics', batch: { epoch: 0, step: 0, time: 0, values: { train_loss: 1 } } },
  ])
})
