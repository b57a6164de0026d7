import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { Missing } from './missing'
import { lastWords, runProgram } from './processes'
import type { Setting } from './question'
import { ROOT } from './root'
import { hasRelaxed } from './wasmLoops'

export const LOOPS = ['multiplyAdd', 'read'] as const
export type Loop = (typeof LOOPS)[number]

/** What is measured: how many threads, and the bytes that each reads over and over. */
export interface LoopCase {
  loop: Loop
  threads: number
  bytes: number
  seconds: number
}

/** Measures one loop; multiply-adds or bytes a second of all threads together. */
export type Measure = (wanted: LoopCase) => Promise<number>

/** The loops in WebAssembly, each thread with its own memory. `relaxed`: one fused multiply-add instead of two operations. */
export function wasmLoop(relaxed = hasRelaxed()): Measure {
  return async ({ loop, threads, bytes, seconds }) => {
    const file = path.join(ROOT, 'out', 'bench', 'wasmLoop.js')
    const data = { relaxed, bytes: loop === 'read' ? bytes : 1 }
    const workers = Array.from({ length: threads }, () => new Worker(file, { workerData: data }))
    try {
      await Promise.all(workers.map((worker) => once(worker, 'message')))
      const measureAll = async (length: number): Promise<number> => {
        const answers = workers.map(async (worker) => z.number().parse((await once(worker, 'message'))[0]))
        for (const worker of workers) worker.postMessage({ loop, seconds: length })
        return (await Promise.all(answers)).reduce((a, b) => a + b, 0)
      }
      // The first calls run in the baseline compiler's code.
      await measureAll(WARM_UP_SECONDS)
      return await measureAll(seconds)
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
  }
}

const WARM_UP_SECONDS = 0.1

export const COMPILERS = ['cc', 'gcc', 'clang'] as const

/** The first C compiler that starts. */
export function findCompiler(names: readonly string[] = COMPILERS): string | undefined {
  return names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0)
}

/** How native code is compiled. `sse` is what the widest-spread x86 binaries use; `wide` is everything this processor has. */
export interface NativeBuild {
  name: string
  title: string
  flags: readonly string[]
}

export function nativeBuilds(): NativeBuild[] {
  const wide = ['-march=native', ...(process.arch === 'x64' ? [] : ['-DWIDTH=16'])]
  if (process.arch !== 'x64') return [{ name: 'native', title: 'native', flags: wide }]
  return [
    { name: 'sse', title: 'native, 128 bits without fused multiply-add', flags: ['-msse2', '-DWIDTH=16'] },
    { name: 'fma128', title: 'native, 128 bits', flags: [...wide, '-DWIDTH=16'] },
    { name: 'wide', title: 'native, widest vectors', flags: wide },
  ]
}

/** @throws Missing without a compiler, or where it refuses these flags */
export async function nativeLoop(setting: Setting, build: NativeBuild, compiler = findCompiler()): Promise<Measure> {
  if (compiler === undefined) throw new Missing(`no C compiler: ${COMPILERS.join(', ')}`)
  const source = path.join(ROOT, 'bench', 'native', 'ceilings.c')
  mkdirSync(setting.folder, { recursive: true })
  const program = path.join(setting.folder, `ceilings-${build.name}`)
  const width = build.flags.some((flag) => flag.startsWith('-DWIDTH=')) ? [] : [`-DWIDTH=${widest(compiler)}`]
  const args = ['-O3', ...build.flags, ...width, '-pthread', source, '-o', program]
  const compiled = await runProgram(compiler, args, { seconds: 60 })
  if (compiled.code !== 0 || !existsSync(program))
    throw new Missing(`${compiler} does not compile it: ${lastWords(compiled.stderr)}`)
  return async ({ loop, threads, bytes, seconds }) => {
    const ran = await runProgram(program, [loop, threads, bytes, seconds].map(String), { seconds: 60 + seconds })
    if (ran.code !== 0) throw new Error(`${program} failed: ${lastWords(ran.stderr)}`)
    return z.coerce.number().positive().parse(ran.stdout.trim())
  }
}

/** Bytes of the widest float vectors of this processor, by what the compiler predefines for it. */
function widest(compiler: string): number {
  const asked = spawnSync(compiler, ['-march=native', '-dM', '-E', '-x', 'c', '-'], { input: '', encoding: 'utf8' })
  if (/__AVX512F__/.test(asked.stdout)) return 64
  return /__AVX__/.test(asked.stdout) ? 32 : 16
}
