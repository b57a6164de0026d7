/** What can this machine do at most, and how much of it does training use? */
import { orMissing } from './harness/ask'
import { LOOPS, nativeBuilds, nativeLoop, wasmLoop, type Loop, type LoopCase, type Measure } from './harness/ceiling'
import { dataSets, type BenchData } from './harness/data'
import { BATCH, CORES, hasFlag, N_DIM, OURS, train } from './harness/delta'
import type { Question, Row, Setting } from './harness/question'
import { threadsText } from './harness/report'
import { compare, interleaved, median } from './harness/statistics'
import { ownEpochs } from './harness/trainAgainst'
import { CAIMIRA_FORMULA, caimiraMultiplyAdds, vectorBytes, workloadOf } from './harness/workload'
import { hasRelaxed } from './harness/wasmLoops'

const UNIT: Record<Loop, string> = { multiplyAdd: 'GFMA/s', read: 'GB/s' }
/** Beyond most caches, and the size of SimplER's table, which a core's own cache or the next holds. */
const MEMORY_BYTES = 256 * 2 ** 20
const CACHE_BYTES = 2 * 2 ** 20

export const question: Question = {
  name: 'ceilings',
  title: 'The machine’s ceilings, and the share of them that an epoch of caimira uses',
  async run(setting) {
    return [...(await machineRows(setting)), ...(await shareRows(setting))]
  },
}

const secondsOf = ({ quick }: Setting): number => (quick ? 0.1 : 0.5)

async function machineRows(setting: Setting): Promise<Row[]> {
  const rows: Row[] = []
  const wasm = wasmLoop()
  for (const loop of LOOPS)
    for (const threads of new Set([1, CORES]))
      for (const bytes of loop === 'read' ? [MEMORY_BYTES, CACHE_BYTES] : [MEMORY_BYTES]) {
        const size = loop === 'read' ? ` of ${bytes / 2 ** 20} MiB` : ''
        const what = `${loop === 'read' ? 'streaming read' : 'peak multiply-add'}${size}, ${threadsText(threads)}`
        const wanted = { loop, threads, bytes: Math.floor(bytes), seconds: secondsOf(setting) }
        setting.say(what)
        for (const { title, open } of others(setting, loop)) {
          const row: Row = { what: `${what}, WebAssembly`, unit: UNIT[loop], peerName: title }
          rows.push(
            await orMissing(row, async () => ({
              ...row,
              ...(await loopsAgainst(setting, wasm, await open(), wanted)),
            })),
          )
        }
      }
  return rows
}

interface Other {
  title: string
  open: () => Promise<Measure>
}

/** What WebAssembly is compared with: itself without the fused operation, and native code. Reading knows no such operation. */
function others(setting: Setting, loop: Loop): Other[] {
  const builds = loop === 'read' ? nativeBuilds().slice(-1) : nativeBuilds()
  return [
    ...(loop === 'multiplyAdd' && hasRelaxed()
      ? [{ title: 'the same without relaxed SIMD', open: async () => wasmLoop(false) }]
      : []),
    ...builds.map((build) => ({ title: build.title, open: () => nativeLoop(setting, build) })),
  ]
}

const GIGA = 1e9

async function loopsAgainst(
  setting: Setting,
  ours: Measure,
  peer: Measure,
  wanted: LoopCase,
): Promise<Pick<Row, 'ours' | 'peer' | 'ratio'>> {
  const giga = async (measure: Measure): Promise<number> => (await measure(wanted)) / GIGA
  return compare(
    await interleaved(
      setting.pairs,
      () => giga(ours),
      () => giga(peer),
    ),
    'more',
  )
}

/** Multiply-adds of an epoch over its time, each measured next to the ceiling it is compared with. */
async function shareRows(setting: Setting): Promise<Row[]> {
  const rows: Row[] = []
  for (const { title, open } of dataSets(setting))
    for (const threads of hasFlag('--threads') ? new Set([1, CORES]) : [0]) {
      const on = threads === 0 ? '' : `, ${threadsText(threads)}`
      const row: Row = {
        what: `caimira epoch, ${title}, K ${N_DIM}, ${OURS}${on}`,
        unit: 'GFMA/s',
        peerName: 'WebAssembly peak',
      }
      setting.say(row.what)
      rows.push(await orMissing(row, async () => shareOf(setting, row, open(setting), threads)))
    }
  return rows
}

async function shareOf(setting: Setting, row: Row, data: BenchData, threads: number): Promise<Row> {
  const work = await workloadOf(data, BATCH)
  const operations = caimiraMultiplyAdds(work, N_DIM)
  const options = { data, threads }
  const epochs = await ownEpochs(setting, options)
  const peak = wasmLoop()
  const times: number[] = []
  let used = 1
  const pairs = await interleaved(
    setting.pairs,
    async () => {
      const result = await train(setting, { ...options, epochs })
      used = result.threads
      times.push(result.ms_per_epoch)
      return operations / result.ms_per_epoch / 1e6
    },
    async () =>
      (await peak({ loop: 'multiplyAdd', threads: threads || used, bytes: 1, seconds: secondsOf(setting) })) / GIGA,
  )
  const ms = median(times)
  const bandwidth = vectorBytes(work) / ms / 1e6
  const note =
    `${CAIMIRA_FORMULA} = ${(operations / 1e6).toFixed(1)} M in ${ms.toFixed(2)} ms; the vectors pass at ${bandwidth.toFixed(1)} GB/s ` +
    `(each once forward, once backward)`
  return { ...row, ...compare(pairs, 'more'), note }
}
