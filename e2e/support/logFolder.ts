import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { RunStatus } from '../../src/shared/domain/lifecycle'
import { RUN_FILES, type RunRecord } from '../../src/shared/domain/run'

export interface RunSpec {
  exp_name: string
  exp_version: string
  status?: RunStatus
  model_name?: string
  dts_name?: string
  epochs?: number
  /** How fast and how far it learns; tells the curves apart. */
  quality?: number
  created?: number
  pid?: number
  host?: string
  reason?: string
  warnings?: string[]
  log?: string[]
}

const FIRST_CREATED = Date.UTC(2026, 2, 2, 9, 0)
const NO_SUCH_PID = 0x3fffffff

/** A stand-in for training: figures that look like it, from arithmetic alone, so that pictures are the same every time. */
export function epochFigures(epoch: number, quality: number): Record<string, number> {
  const wave = (phase: number): number =>
    Math.sin(epoch * 1.7 + phase) * 0.006 + Math.sin(epoch * 0.61 + phase * 2) * 0.004
  const fall = Math.exp(-epoch / (6 + 6 * (1 - quality)))
  const overfit = Math.max(0, epoch - 18) ** 1.3 * 0.0006
  return {
    train_loss: 0.69 - 0.42 * quality * (1 - fall) + wave(1) * 0.5,
    train_acc: 0.5 + 0.38 * quality * (1 - fall) + wave(2) * 0.5,
    val_loss: 0.692 - 0.3 * quality * (1 - fall) + overfit + wave(3),
    val_acc: 0.5 + 0.27 * quality * (1 - fall) - overfit / 2 + wave(4),
  }
}

export function writeRun(logDir: string, spec: RunSpec): string {
  const { exp_name, exp_version, status = 'finished', epochs = 30, quality = 0.8 } = spec
  const dir = join(logDir, exp_name.replace(/[^\w.-]/g, '_'), exp_version.replace(/[^\w.-]/g, '_'))
  mkdirSync(dir, { recursive: true })
  const created = spec.created ?? FIRST_CREATED
  const model_name = spec.model_name ?? 'caimira'
  const dts_name = spec.dts_name ?? 'simpler'

  writeFileSync(
    join(dir, RUN_FILES.hparams),
    [
      `exp_name: ${exp_name}`,
      `exp_version: ${exp_version}`,
      `model_name: ${model_name}`,
      'rw_model_name: zero_rw',
      'features: none',
      'data:',
      `  dts_name: ${dts_name}`,
      '  batch_size: 512',
      'trainer:',
      `  max_epochs: ${epochs}`,
      '  optimizer: Adam',
      '  learning_rate: 0.002',
      '  scheduler: none',
      '  seed: 0',
      'caimira:',
      '  n_dim: 5',
      '  dropout: 0.1',
      '',
    ].join('\n'),
  )
  const batches = Array.from({ length: epochs }, (_, epoch) => metricLine(epoch, created, epochFigures(epoch, quality)))
  const final = epochFigures(epochs - 1, quality)
  const finished = status === 'finished' || status === 'stopped'
  const test = {
    test_loss: final.val_loss + 0.01,
    test_acc: final.val_acc - 0.012,
    test_unseen_acc: final.val_acc - 0.048,
  }
  if (finished) batches.push(metricLine(epochs, created, test))
  writeFileSync(join(dir, RUN_FILES.metrics), batches.join(''))
  const log = spec.log ?? [
    `delta 0.1.0 on node 24, backend wasm, 2 threads`,
    `${dts_name}: 1,488 pairs of 310 users, 2,976 texts × 1536`,
    `${model_name}: 12,310 parameters`,
    ...Array.from({ length: epochs }, (_, epoch) => {
      const { train_loss = 0, val_loss = 0, val_acc = 0 } = epochFigures(epoch, quality)
      return `epoch ${String(epoch).padStart(3)}  train_loss ${train_loss.toFixed(4)}  val_loss ${val_loss.toFixed(4)}  val_acc ${val_acc.toFixed(4)}`
    }),
  ]
  writeFileSync(join(dir, RUN_FILES.log), `${log.join('\n')}\n`)

  const seconds = epochs * 0.42
  const id = `${exp_name}-${exp_version}-${created}`
  writeRecord(dir, {
    format: 1,
    id,
    exp_name,
    exp_version,
    model_name,
    dts_name,
    status,
    reason: spec.reason,
    created,
    ended: status === 'running' ? undefined : created + seconds * 1000,
    pid: spec.pid ?? NO_SUCH_PID,
    host: spec.host ?? hostname(),
    command: `npm run -s delta -- train --dts_name ${dts_name} --model_name ${model_name} --exp_name ${exp_name} --exp_version ${exp_version} --max_epochs ${epochs}`,
    version: '0.1.0',
    warnings: spec.warnings ?? [],
    result: finished
      ? {
          type: 'result',
          runId: id,
          dir,
          status,
          ...test,
          val_loss: final.val_loss,
          val_acc: final.val_acc,
          best_epoch: Math.min(epochs - 1, 19),
          epochs,
          steps: epochs * 3,
          seconds,
          ms_per_epoch: 1.83,
          ms_per_validation: 0.42,
          steps_per_second: 1640,
          peak_rss_bytes: 212_000_000,
          backend: 'wasm',
          threads: 2,
        }
      : undefined,
  })
  return dir
}

export function writeRecord(dir: string, record: RunRecord): void {
  const file = join(dir, RUN_FILES.record)
  writeFileSync(`${file}.tmp`, JSON.stringify(record))
  renameSync(`${file}.tmp`, file)
}

export function metricLine(epoch: number, created: number, values: Record<string, number>): string {
  return `${JSON.stringify({ epoch, step: epoch * 3 + 2, time: created + epoch * 420, values })}\n`
}

export function appendMetrics(dir: string, line: string): void {
  appendFileSync(join(dir, RUN_FILES.metrics), line)
}

/** A folder as it looks after some days of work: every status, several models, and two folders that are broken. */
export function writeWorkspace(logDir: string): void {
  const hour = 3_600_000
  let created = FIRST_CREATED
  const next = (): number => (created += 1.37 * hour)
  const models = ['caimira', 'model1', 'model2']
  for (let index = 0; index < 18; index++) {
    const model_name = models[index % 3] ?? 'caimira'
    writeRun(logDir, {
      exp_name: index < 9 ? 'default_exp' : 'dims',
      exp_version: `v${index % 9}`,
      model_name,
      dts_name: index % 4 === 3 ? 'convarg' : 'simpler',
      epochs: 24 + (index % 5) * 9,
      quality: 0.55 + ((index * 7) % 10) / 22,
      created: next(),
    })
  }
  writeRun(logDir, {
    exp_name: 'schedules',
    exp_version: 'cosine',
    status: 'stopped',
    epochs: 12,
    created: next(),
    reason: 'Stopped by the user after epoch 11',
  })
  writeRun(logDir, {
    exp_name: 'schedules',
    exp_version: 'lr-too-high',
    status: 'failed',
    epochs: 4,
    quality: 0.3,
    created: next(),
    reason: 'The loss is not a number at step 14. Lower trainer.learning_rate',
    warnings: ['features: column "age" is constant and has no effect'],
  })
  writeRun(logDir, {
    exp_name: 'schedules',
    exp_version: 'onecycle',
    status: 'running',
    epochs: 9,
    quality: 0.7,
    created: next(),
  })
  writeRun(logDir, {
    exp_name: 'seeds',
    exp_version: 's1',
    status: 'interrupted',
    epochs: 16,
    created: next(),
    reason: 'The machine was shut down',
  })
  writeRun(logDir, {
    exp_name: 'seeds',
    exp_version: 's2',
    status: 'running',
    pid: process.pid,
    epochs: 22,
    quality: 0.9,
    created: Date.now() - 95_000,
  })

  const broken = join(logDir, 'seeds', 's3')
  mkdirSync(broken, { recursive: true })
  writeFileSync(join(broken, RUN_FILES.record), '{"format": 1, "id": ')
  const foreign = join(logDir, 'old', 'v0')
  mkdirSync(foreign, { recursive: true })
  writeFileSync(join(foreign, RUN_FILES.hparams), 'a: 1\n')
}
