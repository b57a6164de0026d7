/** Does a sweep of 64 trials cost little more than a run: how much of the machine does it use from start to end? */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { dump } from 'js-yaml'
import { z } from 'zod'
import { orMissing } from './harness/ask'
import { wasmLoop } from './harness/ceiling'
import { convarg, type BenchData } from './harness/data'
import { BATCH, CLI, CORES } from './harness/delta'
import { lastObject, lastWords, runProgram } from './harness/processes'
import type { Question, Row, Setting, Target } from './harness/question'
import { compare, interleaved, median } from './harness/statistics'
import { caimiraMultiplyAdds, workloadOf } from './harness/workload'

const RATES = [5e-4, 1e-3, 2e-3, 4e-3]
const SIZES = [5, 10, 15, 20]
const SEEDS = 4
const EPOCHS = 20
const SHARE: Target = { of: 'ratio', atLeast: 0.5 }
const SWEEP_SECONDS = 900

export const question: Question = {
  name: 'sweep',
  title: '64 trials of caimira on convarg, from start to end, and their share of the multiply-add ceiling',
  async run(setting) {
    const { trials, epochs } = sizeOf(setting)
    const what = `sweep of ${trials} trials × ${epochs} epochs, convarg`
    const row: Row = { what, unit: 'GFMA/s', peerName: 'WebAssembly peak', target: SHARE }
    return [await orMissing(row, () => measure(setting, row))]
  },
}

interface Size {
  seeds: number
  epochs: number
  trials: number
}

function sizeOf({ quick }: Setting): Size {
  const seeds = quick ? 1 : SEEDS
  return { seeds, epochs: quick ? 2 : EPOCHS, trials: RATES.length * SIZES.length * seeds }
}

async function measure(setting: Setting, row: Row): Promise<Row> {
  const size = sizeOf(setting)
  const data = convarg(setting, ['test', 'test_unseen'])
  const workload = await workloadOf(data, BATCH)
  const perSize = RATES.length * size.seeds * size.epochs
  const operations = SIZES.reduce((sum, n_dim) => sum + caimiraMultiplyAdds(workload, n_dim, perSize), 0)
  const peak = wasmLoop()
  const times: number[] = []
  const pairs = await interleaved(
    setting.pairs,
    async () => {
      const seconds = await sweepSeconds(setting, data, size)
      times.push(seconds)
      return operations / seconds / 1e9
    },
    async () =>
      (await peak({ loop: 'multiplyAdd', threads: CORES, bytes: 1, seconds: setting.quick ? 0.1 : 0.5 })) / 1e9,
  )
  const note =
    `${(operations / 1e9).toFixed(0)} G multiply-adds of training in ${median(times).toFixed(1)} s, ` +
    'start-up, validation, tests, predictions and the history included'
  return { ...row, ...compare(pairs, 'more'), note }
}

const result = z.object({ trials: z.array(z.object({ status: z.string() })) })

/** One fresh process of `delta sweep`, by the clock on the wall. */
async function sweepSeconds(setting: Setting, data: BenchData, { seeds, epochs, trials }: Size): Promise<number> {
  mkdirSync(setting.folder, { recursive: true })
  const folder = mkdtempSync(path.join(setting.folder, 'sweep-'))
  try {
    const file = path.join(folder, 'bench.yaml')
    writeFileSync(
      file,
      dump({
        method: 'grid',
        seeds: Array.from({ length: seeds }, (_, seed) => seed),
        parameters: { 'trainer.learning_rate': RATES, 'caimira.n_dim': SIZES },
        base: {
          dts_name: data.name,
          dts_config_file: data.config,
          trainer: { max_epochs: epochs, batch_size: BATCH, weight_decay: 0.1 },
        },
      }),
    )
    const args = [CLI, 'sweep', file, '--log_dir', path.join(folder, 'logs'), '--data-dir', path.join(folder, 'home')]
    const started = performance.now()
    const ran = await runProgram(process.execPath, [...args, '--json'], { seconds: SWEEP_SECONDS, cwd: folder })
    const seconds = (performance.now() - started) / 1000
    if (ran.timedOut) throw new Error(`delta sweep did not end within ${SWEEP_SECONDS} s`)
    if (ran.code !== 0) throw new Error(`delta sweep failed: ${lastWords(`${ran.stdout}\n${ran.stderr}`)}`)
    const ended = result.parse(lastObject(ran.stdout)).trials.filter(({ status }) => status === 'finished')
    if (ended.length !== trials) throw new Error(`${ended.length} of ${trials} trials finished`)
    return seconds
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
