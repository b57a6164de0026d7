import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import { RUN_FILES } from '../../shared/domain/run'
import type { ExperimentConfig } from '../../shared/config/experiment'
import { VERSION } from '../../shared/version'
import { hashFile } from '../store/fileHashes'
import type { Store } from '../store/openStore'

const commitSchema = z.object({
  commit: z.string(),
  /** Whether tracked files differed from it. */
  changed: z.boolean(),
})
const fileSchema = z.object({ path: z.string(), size: z.number(), sha256: z.string() })

/** `environment.json`: what a run ran on and with, beside its configuration. */
export const environmentSchema = z.object({
  format: z.literal(1),
  version: z.string(),
  node: z.string(),
  platform: z.string(),
  arch: z.string(),
  release: z.string(),
  cpu: z.string(),
  cores: z.int(),
  memory_bytes: z.number(),
  backend: z.string(),
  threads: z.int(),
  seed: z.int(),
  data_seed: z.int(),
  /** Of the folder in which the command was given, and of this program; null outside of a repository. */
  git: z.object({ cwd: commitSchema.nullable(), program: commitSchema.nullable() }),
  /** Every data file by its role, `train.df_file`; null where it could not be read. */
  files: z.record(z.string(), fileSchema.nullable()),
})
export type Environment = z.infer<typeof environmentSchema>

/** The data files of an experiment by role; one path may have several. */
export function dataFiles({ data }: ExperimentConfig): [role: string, path: string][] {
  const files: [string, string][] = data.vocab_file === undefined ? [] : [['vocab_file', data.vocab_file]]
  for (const split of SPLIT_NAMES)
    for (const [name, file] of Object.entries(data[split] ?? {})) files.push([`${split}.${name}`, file])
  return files
}

/** Reading it takes 10 ms. */
let processor: string | undefined

/**
 * Writes down what a run runs on. Asked for once its engine is at work, so that hashing delays no first step.
 *
 * @param store where hashes of files are kept; it may be out of order
 */
export async function writeEnvironment(
  dir: string,
  config: ExperimentConfig,
  started: { backend: string; threads: number },
  cwd: string,
  store: Store | undefined,
): Promise<Environment> {
  const [here, program] = await Promise.all([commitOf(cwd), commitOf(import.meta.dirname)])
  const hashes = new Map<string, z.infer<typeof fileSchema> | null>()
  const files: Environment['files'] = {}
  for (const [role, file] of dataFiles(config)) {
    const known = hashes.get(file)
    const hash = known !== undefined ? known : await hashOrNull(file, store)
    hashes.set(file, hash)
    files[role] = hash
  }
  const { seed, data_seed = seed } = config.trainer
  const environment: Environment = {
    format: 1,
    version: VERSION,
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    release: os.release(),
    cpu: (processor ??= os.cpus()[0]?.model ?? 'unknown'),
    cores: os.availableParallelism(),
    memory_bytes: os.totalmem(),
    backend: started.backend,
    threads: started.threads,
    seed,
    data_seed,
    git: { cwd: here, program },
    files,
  }
  const file = path.join(dir, RUN_FILES.environment)
  fs.writeFileSync(`${file}.tmp`, `${JSON.stringify(environment, null, 2)}\n`)
  fs.renameSync(`${file}.tmp`, file)
  return environment
}

/** Undefined where the run has none, as those of earlier versions. */
export function readEnvironment(dir: string): Environment | undefined {
  try {
    return environmentSchema.parse(JSON.parse(fs.readFileSync(path.join(dir, RUN_FILES.environment), 'utf8')))
  } catch {
    return undefined
  }
}

/** A history that fails must not keep a hash from being taken. */
async function hashOrNull(file: string, store: Store | undefined): Promise<z.infer<typeof fileSchema> | null> {
  for (const cache of store ? [store, undefined] : [undefined]) {
    const hash = await hashFile(file, cache).catch(() => null)
    if (hash) return hash
  }
  return null
}

const GIT_TIMEOUT_MS = 3_000
/** Runs that start within this time of each other ask once: the 64 of a sweep started 256 programs beside its first steps. */
const ASK_AGAIN_AFTER_MS = 5_000

type Commit = z.infer<typeof commitSchema> | null
const known = new Map<string, { commit: Promise<Commit>; asked: number }>()

function commitOf(folder: string): Promise<Commit> {
  const last = known.get(folder)
  if (last && performance.now() - last.asked < ASK_AGAIN_AFTER_MS) return last.commit
  const commit = askForCommit(folder)
  known.set(folder, { commit, asked: performance.now() })
  return commit
}

async function askForCommit(folder: string): Promise<Commit> {
  const git = async (...args: string[]): Promise<string> => {
    // A repository's own settings may name a program to run; none of these commands needs it.
    const safe = ['-c', 'core.fsmonitor=false', '-C', folder, ...args]
    return (await promisify(execFile)('git', safe, { timeout: GIT_TIMEOUT_MS, encoding: 'utf8' })).stdout.trim()
  }
  try {
    const commit = await git('rev-parse', 'HEAD')
    return { commit, changed: (await git('status', '--porcelain', '--untracked-files=no')) !== '' }
  } catch {
    return null
  }
}
