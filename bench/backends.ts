/** How much is the default backend worth? Ours on each backend that this build has, over the same data. */
import { orMissing } from './harness/ask'
import { dataSets, type BenchData, type Opener } from './harness/data'
import { CORES, OURS, train, type TrainOptions } from './harness/delta'
import type { Question, Row, Setting } from './harness/question'
import { threadsText } from './harness/report'
import { compare, interleaved, median } from './harness/statistics'
import { ownEpochs } from './harness/trainAgainst'

/** `cpu` is tfjs in plain JavaScript: an epoch takes seconds, and the first is all there is time for. */
const OTHERS = ['wasm', 'tensorflow', 'cpu'] as const

export const question: Question = {
  name: 'backends',
  title: 'ms an epoch of caimira on each of our backends',
  async run(setting) {
    const rows: Row[] = []
    for (const set of dataSets(setting).slice(0, setting.quick ? 1 : 2)) rows.push(...(await onEach(setting, set)))
    return rows
  },
}

async function onEach(setting: Setting, { title, open }: Opener): Promise<Row[]> {
  const rows: Row[] = []
  for (const threads of new Set([1, CORES])) {
    const what = `caimira epoch, ${title}, fused on ${threadsText(threads)}`
    rows.push(
      await orMissing({ what, unit: 'ms' }, async () => {
        const options = { data: open(setting), backend: 'fused', threads }
        const epochs = await ownEpochs(setting, options)
        const times: number[] = []
        for (let i = 0; i < setting.pairs; i++) times.push((await train(setting, { ...options, epochs })).ms_per_epoch)
        return { what, unit: 'ms', ours: median(times) }
      }),
    )
  }
  for (const backend of OTHERS) {
    if (backend === OURS) continue
    setting.say(`${title} on ${backend}`)
    const row: Row = { what: `caimira epoch, ${title}`, unit: 'ms', peerName: `our ${backend} backend` }
    rows.push(await orMissing(row, () => against(setting, row, open(setting), backend)))
  }
  return rows
}

async function against(setting: Setting, row: Row, data: BenchData, backend: string): Promise<Row> {
  const other: Omit<TrainOptions, 'epochs'> = { data, backend }
  const slow = backend === 'cpu'
  const epochs = slow ? 1 : await ownEpochs(setting, other)
  const own = await ownEpochs(setting, { data })
  const pairs = await interleaved(
    slow ? 1 : setting.pairs,
    async () => (await train(setting, { data, epochs: own })).ms_per_epoch,
    async () => (await train(setting, { ...other, epochs })).ms_per_epoch,
  )
  return { ...row, ...compare(pairs, 'less'), ...(slow && { note: 'a single epoch, the first' }) }
}
