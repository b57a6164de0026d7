/** How fast is TensorFlow on this machine's card (or, without one, its processor)? `npm run bench:gpu`. */
import { graphicsCard } from '../src/engine/backends/tensorflow/device'
import { findAddOn } from '../src/engine/backends/tensorflow/findAddOn'
import { orMissing } from './harness/ask'
import { dataSets, synthetic, type BenchData, type Opener } from './harness/data'
import { BATCH, N_DIM, OURS, train, type TrainOptions } from './harness/delta'
import { deviceCeiling, type DeviceCeiling } from './harness/deviceCeiling'
import { Missing } from './harness/missing'
import { PEER_SCRIPTS, needPeer, runPeer } from './harness/peer'
import type { Question, Row, Setting } from './harness/question'
import { line } from './harness/report'
import { compare, interleaved, type Pair } from './harness/statistics'
import { ownEpochs } from './harness/trainAgainst'
import { CAIMIRA_FORMULA, caimiraMultiplyAdds, vectorBytes, workloadOf } from './harness/workload'

const BACKEND = 'tensorflow'
const MODELS = ['caimira', 'model1', 'model2', 'lore', 'bt'] as const
/** Where a card has something to do: 8,192 pairs a step, K 50, vectors of 4,096 numbers. */
const WIDE = {
  batch: 8192,
  n_dim: 50,
  size: { pairs: 32_768, prompts: 4_096, answers: 16_384, width: 4096, users: 1500 },
}
const QUICK_WIDE = { ...WIDE.size, pairs: 8_192, prompts: 512, answers: 2_048 }

interface Case extends Opener {
  batch: number
  n_dim: number
}

export const question: Question = {
  name: 'tensorflow',
  title: 'ms an epoch on TensorFlow, against our fused kernels on the processor and PyTorch’s loop on the same device',
  async run(setting) {
    const device = graphicsCard()?.name ?? 'the processor'
    const rows: Row[] = []
    for (const one of cases(setting)) {
      for (const model of setting.quick ? MODELS.slice(0, 1) : MODELS) {
        setting.say(`${model} on ${one.title}, ${device}`)
        const row: Row = {
          what: `${model} epoch, ${one.title}, ${device}`,
          unit: 'ms',
          peerName: `our ${OURS} backend`,
        }
        rows.push(await orMissing(row, () => againstFused(setting, row, one, model)))
        setting.say(line(rows.at(-1)!))
      }
      const row: Row = { what: `caimira epoch, ${one.title}, ${device}`, unit: 'ms', peerName: 'torch loop there' }
      rows.push(await orMissing(row, () => againstTorch(setting, row, one)))
      setting.say(line(rows.at(-1)!))
      rows.push(...(await againstDevice(setting, `caimira epoch, ${one.title}, ${device}`, one)))
    }
    return rows
  },
}

function cases(setting: Setting): Case[] {
  const known = dataSets(setting).map((one) => ({ ...one, batch: BATCH, n_dim: N_DIM }))
  const { batch, n_dim, size } = WIDE
  const title = `K ${n_dim}, batch ${batch}, D ${size.width}`
  const wide = { title, batch, n_dim, open: () => synthetic(setting, title, setting.quick ? QUICK_WIDE : size) }
  return setting.quick ? [known[0]!] : [...known, wide]
}

function optionsOf(data: BenchData, { batch, n_dim }: Case): Omit<TrainOptions, 'epochs'> {
  if (!findAddOn()) throw new Missing('TensorFlow is not set up (npm run setup:tensorflow)')
  return { data, batch, n_dim, backend: BACKEND }
}

async function againstFused(setting: Setting, row: Row, one: Case, model: string): Promise<Row> {
  const options = { ...optionsOf(one.open(setting), one), model }
  const fused = { ...options, backend: OURS }
  const [epochs, fusedEpochs] = [await ownEpochs(setting, options), await ownEpochs(setting, fused)]
  const pairs = await interleaved(
    setting.pairs,
    async () => (await train(setting, { ...options, epochs })).ms_per_epoch,
    async () => (await train(setting, { ...fused, epochs: fusedEpochs })).ms_per_epoch,
  )
  return { ...row, ...compare(pairs, 'less') }
}

/** Arithmetic and reading of an epoch beside what the device does at most of each: whichever share is larger says what bounds it. */
async function againstDevice(setting: Setting, what: string, one: Case): Promise<Row[]> {
  const arithmetic: Row = { what, unit: 'GFMA/s', peerName: 'the device’s peak' }
  const reading: Row = { what, unit: 'GB/s', peerName: 'the device’s reading' }
  let measured: Promise<EpochOnDevice[]> | undefined
  const pairsOf = async (of: (epoch: EpochOnDevice) => Pair): Promise<Pair[]> =>
    (await (measured ??= epochsOnDevice(setting, one))).map(of)
  return Promise.all([
    orMissing(arithmetic, async () => {
      const pairs = await pairsOf(({ multiplyAdds, ceiling }) => ({
        ours: multiplyAdds / 1e9,
        peer: ceiling.multiplyAdds / 1e9,
      }))
      return { ...arithmetic, ...compare(pairs, 'more'), note: CAIMIRA_FORMULA }
    }),
    orMissing(reading, async () => {
      const pairs = await pairsOf(({ bytes, ceiling }) => ({ ours: bytes / 1e9, peer: ceiling.bytes / 1e9 }))
      return { ...reading, ...compare(pairs, 'more'), note: 'the vectors, each once forward and once backward' }
    }),
  ])
}

/** A second of each. */
interface EpochOnDevice {
  multiplyAdds: number
  bytes: number
  ceiling: DeviceCeiling
}

async function epochsOnDevice(setting: Setting, one: Case): Promise<EpochOnDevice[]> {
  const options = optionsOf(one.open(setting), one)
  const work = await workloadOf(options.data, one.batch)
  const epochs = await ownEpochs(setting, options)
  const measured: EpochOnDevice[] = []
  for (let pair = 0; pair < setting.pairs; pair++) {
    const seconds = (await train(setting, { ...options, epochs })).ms_per_epoch / 1000
    const multiplyAdds = caimiraMultiplyAdds(work, one.n_dim) / seconds
    const bytes = vectorBytes(work) / seconds
    measured.push({ multiplyAdds, bytes, ceiling: await deviceCeiling(setting.quick ? 0.2 : 1) })
  }
  return measured
}

async function againstTorch(setting: Setting, row: Row, one: Case): Promise<Row> {
  needPeer(PEER_SCRIPTS.caimira, ['torch', 'pandas', 'pyarrow', 'numpy'])
  const options = optionsOf(one.open(setting), one)
  const { users } = await workloadOf(options.data, one.batch)
  const device = graphicsCard() ? 'cuda' : 'cpu'
  const epochs = await ownEpochs(setting, options)
  const flags = { batch: one.batch, k: one.n_dim, users, device, epochs: Math.min(epochs, 50) }
  const pairs = await interleaved(
    setting.pairs,
    async () => (await train(setting, { ...options, epochs })).ms_per_epoch,
    async () => (await runPeer(PEER_SCRIPTS.caimira, 'loop', options.data, flags)).ms_per_epoch,
  )
  return { ...row, ...compare(pairs, 'less') }
}
