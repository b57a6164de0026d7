/** The history: how fast metrics go in, and how fast tables, curves and imports come out. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { maskedCrc32c } from '../src/shared/crc32c'
import { columnsOf } from '../src/core/store/columns'
import { flattenConfig } from '../src/core/store/flatten'
import { openStore, type Store } from '../src/core/store/openStore'
import { importTensorBoard } from '../src/core/store/tensorboard/importTensorBoard'
import type { Question, Row } from './harness/question'

export const question: Question = {
  name: 'store',
  title: 'The history of runs',
  run: async ({ quick, say }) => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-bench-store-'))
    try {
      return [
        ...ingestion(path.join(dir, 'ingest'), quick ? 5 : 60, say),
        ...table(path.join(dir, 'table'), quick ? 2_000 : 10_000, say),
        ...curves(path.join(dir, 'curves'), say),
        ...(await tensorboard(dir, quick ? 30 : 150, say)),
      ]
    } finally {
      fs.rmSync(dir, { recursive: true, force: true })
    }
  },
}

const newRun = (n: number): Parameters<Store['runs']['create']>[0] => ({
  id: `run-${n}`,
  exp_name: `exp-${n % 20}`,
  exp_version: `v${n}`,
  model_name: n % 2 ? 'caimira' : 'model1',
  dts_name: 'simpler',
  status: 'finished',
  reason: 'benchmark',
  created: 1.7e12 + n * 1000,
  source: 'trained',
  command: 'delta train',
  version: '0',
})

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0
const timed = (work: () => void): number => {
  const started = performance.now()
  work()
  return performance.now() - started
}

/** Four live runs of 12 metrics, a batch of 100 steps each in turn, as fast as they go. */
function ingestion(dir: string, seconds: number, say: (line: string) => void): Row[] {
  say(`Writing metrics for ${seconds} s…`)
  const store = openStore({ dir })
  const runs = Array.from({ length: 4 }, (_, n) => newRun(n))
  for (const run of runs) store.runs.create(run)
  const names = Array.from({ length: 12 }, (_, i) => `metric_${i}`)
  const wal = path.join(dir, 'history.sqlite-wal')
  const sizes: number[] = []
  const perSecond: number[] = []
  let points = 0
  let before = 0
  let mark = performance.now()
  const started = mark
  for (let step = 0; performance.now() - started < seconds * 1000; step += 100) {
    for (const run of runs) {
      const batches = Array.from({ length: 100 }, (_, i) => ({
        epoch: step + i,
        step: step + i,
        time: 1.7e12 + step + i,
        values: Object.fromEntries(names.map((name, m) => [name, Math.sin(step + i + m)])),
      }))
      store.metrics.append(run.id, batches)
      points += 1200
    }
    if (performance.now() - mark >= 1000) {
      perSecond.push((points - before) / ((performance.now() - mark) / 1000))
      before = points
      mark = performance.now()
      sizes.push(fs.statSync(wal).size)
    }
  }
  const rate = points / ((performance.now() - started) / 1000)
  store.close()
  const mib = (bytes: number): number => bytes / 2 ** 20
  return [
    {
      what: `points a second, sustained for ${seconds} s`,
      unit: '1/s',
      ours: rate,
      target: { of: 'ours', atLeast: 100_000 },
    },
    { what: 'points a second, slowest second', unit: '1/s', ours: Math.min(...perSecond) },
    { what: 'write-ahead log, largest', unit: 'MiB', ours: mib(Math.max(...sizes)) },
    { what: 'write-ahead log, at the end', unit: 'MiB', ours: mib(sizes.at(-1) ?? 0) },
  ]
}

/** Runs with 40 parameters and 10 metrics each: list all, filter, sort. */
function table(dir: string, count: number, say: (line: string) => void): Row[] {
  say(`Making ${count} runs…`)
  const store = openStore({ dir })
  store.db.write('fill', () => {
    for (let n = 0; n < count; n++) {
      const key = store.runs.create(newRun(n))
      const config = {
        trainer: Object.fromEntries(Array.from({ length: 39 }, (_, i) => [`p${i}`, (n * 7919 + i) % 1000])),
      }
      store.runs.setParams(key, 'params', flattenConfig({ ...config, seed: n }))
      const values = Object.fromEntries(
        Array.from({ length: 10 }, (_, i) => [`m${i}`, ((n * 104729) % 10007) / 10007 + i]),
      )
      store.metrics.replace(key, columnsOf([{ epoch: 0, step: 0, time: 1.7e12, values }]))
    }
  })
  const limits = { atMost: 500, of: 'ours' } as const
  const measure = (what: string, request: Parameters<Store['list']>[0]): Row => {
    let rows = 0
    const times = Array.from({ length: 5 }, () => timed(() => (rows = store.list(request).rows.length)))
    return { what: `${count} runs: ${what}`, unit: 'ms', ours: median(times), target: limits, note: `${rows} rows` }
  }
  const all = { params: 'all', metrics: 'all' } as const
  const rows = [
    measure('list, every parameter and metric', all),
    measure('list, 8 columns', { columns: ['trainer.p1', 'trainer.p2', 'm1', 'm2'] }),
    measure('filter', { filter: 'trainer.p3 < 500 and m2 > 2.5 and not status = failed', columns: ['m2'] }),
    measure('sort by a metric', { sort: '-m3', columns: ['m3'] }),
    measure('sort by a metric, first 100', { sort: '-m3', limit: 100, ...all }),
  ]
  store.close()
  return rows
}

/** 50 runs × 10,000 steps of one metric, for a picture of 800 columns. */
function curves(dir: string, say: (line: string) => void): Row[] {
  say('Making 50 curves of 10,000 steps…')
  const store = openStore({ dir })
  const ended: string[] = []
  const live: string[] = []
  for (let n = 0; n < 100; n++) {
    const run = newRun(n)
    const key = store.runs.create(run)
    const batches = Array.from({ length: 10_000 }, (_, step) => ({
      epoch: step,
      step,
      time: 1.7e12 + step,
      values: { loss: Math.exp(-step / 3000) + 0.1 * Math.sin(step * 12.9898 + n) },
    }))
    if (n < 50) {
      store.metrics.replace(key, columnsOf(batches))
      ended.push(run.id)
    } else {
      store.metrics.append(run.id, batches)
      live.push(run.id)
    }
  }
  const measure = (what: string, runs: string[], smoothing: number): Row => {
    const query = (): void => void store.history.query({ runs, metrics: ['loss'], buckets: 800, smoothing })
    return {
      what: `50 × 10,000 steps: ${what}`,
      unit: 'ms',
      ours: median(Array.from({ length: 5 }, () => timed(query))),
      target: { of: 'ours', atMost: 1000 },
    }
  }
  const rows = [
    measure('ended runs', ended, 0),
    measure('ended runs, smoothed', ended, 0.9),
    measure('live runs', live, 0),
  ]
  store.close()
  return rows
}

/** An event file of scalars as `add_scalar` writes them, four tags. */
async function tensorboard(dir: string, mebibytes: number, say: (line: string) => void): Promise<Row[]> {
  say(`Writing an event file of ${mebibytes} MB…`)
  const logs = path.join(dir, 'tensorboard', 'version_0')
  fs.mkdirSync(logs, { recursive: true })
  const file = path.join(logs, 'events.out.tfevents.1700000000.bench.1.0')
  const records = writeEvents(file, mebibytes * 1e6)
  const store = openStore({ dir: path.join(dir, 'tensorboard-history') })
  const times: number[] = []
  for (let i = 0; i < 3; i++) {
    const started = performance.now()
    await importTensorBoard(store, path.dirname(logs))
    times.push((performance.now() - started) / 1000)
  }
  store.close()
  return [
    {
      what: `import of a ${mebibytes} MB event file, every CRC checked`,
      unit: 's',
      ours: median(times),
      target: { of: 'ours', atMost: 2 },
      note: `${records.toLocaleString('en')} points`,
    },
  ]
}

export function writeEvents(file: string, bytes: number): number {
  const tags = ['train/loss', 'train/acc', 'val/loss', 'lr'].map((tag) => Buffer.from(tag))
  const handle = fs.openSync(file, 'w')
  const block = Buffer.alloc(8 * 2 ** 20)
  let at = 0
  let written = 0
  let records = 0
  for (let step = 1; written + at < bytes; step++)
    for (const tag of tags) {
      if (at > block.length - 200) {
        fs.writeSync(handle, block, 0, at)
        written += at
        at = 0
      }
      at = writeEvent(block, at, step, tag, Math.random())
      records++
    }
  fs.writeSync(handle, block, 0, at)
  fs.closeSync(handle)
  return records
}

/** wall_time, step, summary {value {tag, simple_value}} in a TFRecord. */
function writeEvent(block: Buffer, start: number, step: number, tag: Buffer, value: number): number {
  let at = start + 12
  block[at++] = 9
  at = block.writeDoubleLE(1.7e9 + step * 0.01, at)
  block[at++] = 16
  let rest = step
  for (; rest >= 128; rest >>>= 7) block[at++] = (rest & 127) | 128
  block[at++] = rest
  block[at++] = 42
  block[at++] = tag.length + 9
  block[at++] = 10
  block[at++] = tag.length + 7
  block[at++] = 10
  block[at++] = tag.length
  at += tag.copy(block, at)
  block[at++] = 21
  at = block.writeFloatLE(value, at)
  const length = at - start - 12
  block.writeUInt32LE(length, start)
  block.writeUInt32LE(0, start + 4)
  block.writeUInt32LE(maskedCrc32c(block, start, start + 8), start + 8)
  return block.writeUInt32LE(maskedCrc32c(block, start + 12, at), at)
}
