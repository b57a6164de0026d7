import os from 'node:os'
import { spawnSync } from 'node:child_process'
import { fork } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { experimentSchema } from '../../shared/config/experiment'
import { metricBatchSchema } from '../../shared/domain/metric'
import { runRecordSchema } from '../../shared/domain/run'
import { temporaryFolder } from '../data/dataFixture'
import { RunFolder, flatten } from './runFolder'

const config = experimentSchema.parse({
  model_name: 'caimira',
  caimira: {},
  trainer: { learning_rate: 1e-6 },
  data: {
    dts_name: 'yes: no',
    dts_path: '/d',
    train: { df_file: '/d/a b.jsonl', text_file: '/d/#t', emb_file: '/d/e' },
  },
})
const record = {
  id: 'some-id',
  exp_name: 'e',
  exp_version: 'v0',
  model_name: 'caimira',
  dts_name: 'd',
  created: 1,
  command: 'c',
  version: '0',
  warnings: [],
}

const readRecord = (dir: string): unknown => JSON.parse(fs.readFileSync(path.join(dir, 'run.json'), 'utf8'))

function finished(logDir: string): string {
  const run = RunFolder.create(logDir, 'e', 'v0')
  run.begin(record)
  run.end('finished', { warnings: [] })
  return run.version
}

test('a taken name is overwritten, or its number skips', () => {
  const logDir = temporaryFolder()
  expect([1, 2, 3].map(() => finished(logDir))).toEqual(['v0', 'v0-2', 'v0-3'])
  fs.rmSync(path.join(logDir, 'e', 'v0-2'), { recursive: true })
  fs.writeFileSync(path.join(logDir, 'e', 'v0-4'), 'a file in its place')
  expect([1, 2].map(() => finished(logDir))).toEqual(['v0-2', 'v0-5'])
})

test('the number makes a name longer than names may be, or cuts a shorter one', () => {
  const logDir = temporaryFolder()
  const longest = 'x'.repeat(100)
  const versions = [1, 2].map(() => RunFolder.create(logDir, 'e', longest).version)
  expect(versions).toEqual([longest, `${'x'.repeat(98)}-2`])
})

test('processes that start at once share a folder', async () => {
  const logDir = temporaryFolder()
  const claim = `
    const fs = require('node:fs'), path = require('node:path')
    for (let k = 0; k < 20; k++)
      for (let n = 1; ; n++) {
        try { fs.mkdirSync(path.join(process.argv[1], 'e', n === 1 ? 'v0' : 'v0-' + n)); break }
        catch (error) { if (error.code !== 'EEXIST') throw error }
      }`
  // The same primitive as RunFolder's, raced against RunFolder itself in this process.
  fs.mkdirSync(path.join(logDir, 'e'))
  const script = path.join(logDir, 'claim.cjs')
  fs.writeFileSync(script, claim.replaceAll('process.argv[1]', 'process.argv[2]'))
  const others = [1, 2].map(() => fork(script, [logDir]))
  const own = Array.from({ length: 20 }, () => finished(logDir))
  await Promise.all(others.map((child) => new Promise((resolve) => child.on('exit', resolve))))
  expect(new Set(own).size).toBe(20)
  expect(fs.readdirSync(path.join(logDir, 'e'))).toHaveLength(60)
})

test('hparams.yaml is not the experiment it came from', () => {
  const run = RunFolder.create(temporaryFolder(), 'e', 'v0')
  run.writeConfig(config, ['val_loss'])
  expect(experimentSchema.parse(load(fs.readFileSync(run.path('hparams.yaml'), 'utf8')))).toEqual(config)
})

test('run.json says something else than what happened', () => {
  const run = RunFolder.create(temporaryFolder(), 'e', 'v0')
  run.begin(record)
  expect(runRecordSchema.parse(readRecord(run.dir))).toMatchObject({ status: 'running', pid: process.pid })
  run.end('failed', { reason: 'the loss became NaN', warnings: [] })
  const ended = runRecordSchema.parse(readRecord(run.dir))
  expect(ended).toMatchObject({ status: 'failed', reason: 'the loss became NaN', id: 'some-id' })
  expect(ended.ended).toBeGreaterThan(0)
})

test('a figure or a line of the log is lost, or breaks the line format', () => {
  const run = RunFolder.create(temporaryFolder(), 'e', 'v0')
  run.begin(record)
  const batch = { epoch: 0, step: 15, time: 123, values: { train_loss: 0.1 + 0.2, lr: 1e-7 } }
  run.writeMetrics(batch)
  run.log('warn', 'two\nlines', new Date(0))
  run.end('finished', { warnings: [] })
  const lines = fs.readFileSync(run.path('metrics.jsonl'), 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => metricBatchSchema.parse(JSON.parse(line)))).toEqual([batch])
  expect(fs.readFileSync(run.path('run.log'), 'utf8')).toBe('1970-01-01T00:00:00.000Z warn  two\n  lines\n')
})

test('a resumed run keeps figures that its checkpoint does not know, or a line cut by a crash', () => {
  const run = RunFolder.create(temporaryFolder(), 'e', 'v0')
  run.begin(record)
  for (const epoch of [0, 1, 2]) run.writeMetrics({ epoch, step: epoch, time: 1, values: { train_loss: epoch } })
  fs.appendFileSync(run.path('metrics.jsonl'), '{"epoch":3,"st')
  run.close()
  const again = RunFolder.reopen(run.dir)
  again.goOnFrom(2, 2)
  again.writeMetrics({ epoch: 2, step: 2, time: 2, values: { train_loss: 9 } })
  const lines = fs.readFileSync(run.path('metrics.jsonl'), 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => metricBatchSchema.parse(JSON.parse(line)).values['train_loss'])).toEqual([0, 1, 9])
  expect(again.record).toMatchObject({ id: 'some-id' })
})

test('two engines write to one run', () => {
  const run = RunFolder.create(temporaryFolder(), 'e', 'v0')
  run.begin(record)
  expect(() => RunFolder.reopen(run.dir)).toThrow(`is being trained by process ${process.pid}`)
  run.close()
  const heir = RunFolder.reopen(run.dir)
  expect(() => RunFolder.reopen(run.dir)).toThrow(/is being trained/)
  heir.close()
  expect(fs.readdirSync(run.dir).filter((name) => name.startsWith('.owner'))).toEqual([])
})

test('an owner that died keeps everybody else out', () => {
  const run = RunFolder.create(temporaryFolder(), 'e', 'v0')
  run.begin(record)
  run.close()
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  for (const left of [JSON.stringify({ pid, host: os.hostname(), started: '1' }), 'half a f', '']) {
    fs.writeFileSync(run.path('.owner'), left)
    RunFolder.reopen(run.dir).close()
  }
  fs.writeFileSync(run.path('.owner'), JSON.stringify({ pid: 1, host: 'elsewhere', started: '1' }))
  expect(() => RunFolder.reopen(run.dir)).toThrow(/process 1 on elsewhere/)
})

test('a full disk leaves a failed run as running', () => {
  const run = RunFolder.create(temporaryFolder(), 'e', 'v0')
  run.begin(record)
  // A folder where the new file would be drafted: as little can be written as on a full disk.
  fs.mkdirSync(run.path('run.json.tmp'))
  fs.writeFileSync(run.path('run.json.tmp', 'x'), '')
  run.end('failed', { reason: 'no space left', warnings: [] })
  expect(JSON.parse(fs.readFileSync(run.path('run.json'), 'utf8'))).toMatchObject({
    status: 'failed',
    reason: 'no space left',
  })
})

test('names from files reach the log with their escape codes', () => {
  const run = RunFolder.create(temporaryFolder(), 'e', 'v0')
  run.log('warn', 'a\u001b[31mred')
  expect(fs.readFileSync(run.path('run.log'), 'utf8')).toContain('a\\x1b[31mred')
})

test('a log folder that is a file is no AppError', () => {
  const file = path.join(temporaryFolder(), 'file')
  fs.writeFileSync(file, '')
  expect(() => RunFolder.create(file, 'e', 'v0')).toThrow(
    expect.objectContaining({
      code: 'unwritable',
      details: expect.objectContaining({ fix: expect.stringContaining('--log_dir') }),
    }),
  )
})

test("TensorBoard's table of hyperparameters misses nested keys and lists", () => {
  expect(flatten({ a: { b: 1, c: [1, 2], d: undefined, e: { f: true } }, g: 'x', h: null })).toEqual({
    'a.b': 1,
    'a.c': '1, 2',
    'a.e.f': true,
    g: 'x',
  })
})
