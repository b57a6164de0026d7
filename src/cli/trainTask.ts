import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { isPaused } from '../shared/domain/halving'
import { taskSchema, type Task } from '../shared/domain/cluster'
import { RUN_FILES } from '../shared/domain/run'
import { AppError, ERROR_EXIT_CODES } from '../shared/errors'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { makeFolders } from '../core/folders'
import { lazyHistory } from '../core/service/openHistory'
import { readRecord } from '../core/service/recordFile'
import { supervise } from '../core/service/supervise'
import { epochsKept } from '../core/sweep/rungs'
import { onInterrupt, SAVING } from './interrupt'
import type { Output } from './output'
import { enginePath } from './roots'
import { TrainReporter } from './trainReporter'

/**
 * `delta train --task FILE`: one trial as a cluster's node trains it. It goes on from its last checkpoint if it has one, begins anew where it has
 * none, and does nothing if it is finished: a queue may run it twice.
 */
export async function trainTask(file: string, output: Output): Promise<number> {
  const task = readTask(file)
  const { config, logDir, command, cwd, rung } = task
  const dir = path.join(logDir, config.exp_name, config.exp_version)
  const status = readRecord(dir)?.status
  if (status === 'finished' || status === 'failed') {
    output.say(`The run in ${dir} is ${status} already`)
    return 0
  }
  if (rung !== undefined && hasPassed(dir, rung)) {
    output.say(`The run in ${dir} has passed ${rung} epochs already`)
    return 0
  }
  if (task.attempt > 1 || Number(process.env['SLURM_RESTART_COUNT'] ?? 0) > 0) forgetOtherMachine(dir)
  makeFolders(logDir)
  const stop = onInterrupt(() => output.warn(SAVING))
  const reporter = new TrainReporter(output)
  // Databases do not stand on file systems that machines share; the history takes the run from its folder.
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-task-'))
  const history = lazyHistory(dataDir, cwd)
  try {
    const { result, error } = await supervise({
      spawner: childProcessSpawner(enginePath),
      request: {
        ...{ type: 'train', config, logDir, command, cwd, rung, warnings: [] },
        ...startOf(dir, status !== undefined),
      },
      ...{ stop, history: history.open, logDir, publish: () => {} },
      onNews: (news) => reporter.frame(news),
    })
    await history.close()
    if (!result) throw error ?? new AppError('internal', 'The run ended without a result')
    reporter.result(result)
    return result.status === 'stopped' && !pausedAt(dir) ? ERROR_EXIT_CODES.stopped : 0
  } finally {
    fs.rmSync(dataDir, { recursive: true, force: true })
  }
}

/** Epochs after which a run is paused; undefined where it is not. */
function pausedAt(dir: string): number | undefined {
  const record = readRecord(dir)
  return record && isPaused(record) ? record.result?.epochs : undefined
}

/** One that was stopped between its last step before a rung and the end of its test is still to be tested. */
const hasPassed = (dir: string, rung: number): boolean => (pausedAt(dir) ?? 0) >= rung || epochsKept(dir) > rung

/** @throws AppError `unreadable` */
function readTask(file: string): Task {
  try {
    const raw: unknown = JSON.parse(fs.readFileSync(file, 'utf8'))
    const { paths } = z.object({ paths: z.record(z.string(), z.string()) }).parse(raw)
    const { config } = z.object({ config: z.unknown() }).parse(raw)
    return taskSchema.parse({ ...Object(raw), config: relocated(config, paths) })
  } catch (cause) {
    throw new AppError('unreadable', `${file} is no task of a sweep`, { file }, cause)
  }
}

/** The same configuration with the places that its files have here. */
function relocated(value: unknown, paths: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return paths[value] ?? value
  if (Array.isArray(value)) return value.map((one) => relocated(one, paths))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, relocated(one, paths)]))
}

function startOf(dir: string, begun: boolean): { resume: string } | { folder: string } | object {
  if (begun)
    return fs.existsSync(path.join(dir, RUN_FILES.checkpoints, 'last.safetensors')) ? { resume: dir } : { folder: dir }
  // Left by one that ended between making its folder and saying what it is.
  fs.rmSync(dir, { recursive: true, force: true })
  return {}
}

/** An earlier attempt had it on a node that is gone, says the queue: nobody can ask that machine. */
function forgetOtherMachine(dir: string): void {
  const file = path.join(dir, RUN_FILES.owner)
  try {
    const owner: unknown = JSON.parse(fs.readFileSync(file, 'utf8'))
    if (Reflect.get(Object(owner), 'host') !== os.hostname()) fs.rmSync(file, { force: true })
  } catch {
    // There is none.
  }
}
