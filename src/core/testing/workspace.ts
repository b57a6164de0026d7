import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { ContractFiles } from '../../shared/testing/contract'

/** The project's folder. */
export const ROOT = path.resolve(import.meta.dirname, '..', '..', '..')
/** The built engine. */
export const ENGINE = path.join(ROOT, 'out', 'main', 'engine.js')

/** Builds the command line and the engine where they are stale: these tests run what a person runs. */
export function buildCli(): void {
  const built = spawnSync(process.execPath, [path.join(ROOT, 'scripts', 'build.mjs'), '--node', '--quiet'], {
    encoding: 'utf8',
  })
  if (built.status !== 0) throw new Error(`The build failed: ${built.stderr}`)
}

/** The configuration files of a workspace, as the contract test of the routes names them. */
export function contractFiles(folder: string): ContractFiles {
  const file = (name: string): string => path.join(folder, 'configs', name)
  return {
    dts_config_file: file('data_configs.yaml'),
    config_file: file('exp_config.yaml'),
    other_data_file: file('other.yaml'),
  }
}

/** The part of {@link contractFiles} that an experiment names. */
export function experimentFiles(folder: string): Pick<ContractFiles, 'dts_config_file' | 'config_file'> {
  const { dts_config_file, config_file } = contractFiles(folder)
  return { dts_config_file, config_file }
}

/** A folder with `configs/` and a small data set that a linear model learns: 6 users, 40 answers, 240 pairs. */
export function workspace(): string {
  // Resolved, since a temporary folder may be a link and runs report real paths.
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'delta-cli-')))
  const data = path.join(folder, 'data')
  fs.mkdirSync(data)
  fs.mkdirSync(path.join(folder, 'configs'))
  const width = 8
  const texts = Array.from({ length: 48 }, (_, i) => (i < 8 ? `prompt ${i}` : `answer ${i}`))
  const vectors = texts.map((_, i) => Array.from({ length: width }, (_, k) => Math.sin(12.9898 * (i + 1) * (k + 3))))
  fs.writeFileSync(path.join(data, 'texts.json'), JSON.stringify(texts))
  fs.writeFileSync(path.join(data, 'emb.npy'), npy(vectors))
  const pairs = Array.from({ length: 240 }, (_, n) => {
    // Every 40 pairs stand further apart, so that no two are the same.
    const [a, b] = [8 + ((7 * n) % 40), 8 + ((7 * n + 1 + 5 * Math.floor(n / 40)) % 40)]
    const [chosen, rejected] = vectors[a]![0]! > vectors[b]![0]! ? [a, b] : [b, a]
    return {
      u_id: n % 6,
      id: n,
      prompt: texts[n % 8],
      chosen: texts[chosen],
      rejected: texts[rejected],
      prompt_emb_idx: n % 8,
      chosen_emb_idx: chosen,
      rejected_emb_idx: rejected,
      user_a: n % 2,
    }
  })
  const write = (name: string, rows: readonly object[]): void =>
    fs.writeFileSync(path.join(data, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  write('train.jsonl', pairs.slice(0, 160))
  write('dev.jsonl', pairs.slice(160, 200))
  write('test.jsonl', pairs.slice(200))
  const files = (name: string): string => `{ df_file: ${name}.jsonl, text_file: texts.json, emb_file: emb.npy }`
  fs.writeFileSync(
    path.join(folder, 'configs', 'data_configs.yaml'),
    `small:
  dts_path: ../data
  prefix_columns: [user_]
  train: ${files('train')}
  dev: ${files('dev')}
  test: ${files('test')}
absent:
  dts_path: ../data
  train: ${files('gone')}
broken:
  dts_path: ../data
  train: ${files('broken')}
`,
  )
  fs.writeFileSync(
    path.join(folder, 'configs', 'other.yaml'),
    `moved:
  dts_path: ../data
  train: ${files('train')}
`,
  )
  write('broken.jsonl', [
    { ...pairs[0], chosen_emb_idx: 999 },
    { ...pairs[1], u_id: null },
    { ...pairs[2], prompt: 5 },
  ])
  fs.writeFileSync(
    path.join(folder, 'configs', 'exp_config.yaml'),
    'trainer:\n  batch_size: 32\n  max_epochs: 3\n  learning_rate: 0.01\n',
  )
  return folder
}

function npy(rows: readonly (readonly number[])[]): Uint8Array {
  const shape = `(${rows.length}, ${rows[0]?.length ?? 0})`
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117) + '\n'
  return Buffer.concat([
    Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]),
    Buffer.from(header, 'latin1'),
    new Uint8Array(Float32Array.from(rows.flat()).buffer),
  ])
}
