import type { BenchData } from './data'
import { epochsFor, FEWEST_EPOCHS, train, type TrainOptions } from './delta'
import { needPeer, runPeer, type PeerResult } from './peer'
import type { Row, Setting } from './question'
import { threadsText } from './report'
import { compare, interleaved } from './statistics'

/** Seconds of training in one timed process, beside its start. */
export const TRAIN_SECONDS = 1.5

/** How many epochs of ours fill that time, found by a short process of its own; a smoke run takes the fewest. */
export async function ownEpochs(setting: Setting, options: Omit<TrainOptions, 'epochs'>): Promise<number> {
  if (setting.quick) return FEWEST_EPOCHS
  const pilot = await train(setting, { ...options, epochs: FEWEST_EPOCHS })
  return epochsFor(pilot.ms_per_epoch, TRAIN_SECONDS)
}

export interface TorchPeer {
  script: string
  packages: readonly string[]
  mode: string
  flags: Readonly<Record<string, string | number>>
}

/**
 * ms an epoch of ours and of a PyTorch process on the same files, in fresh processes, interleaved. Both leave their first epoch out
 * and give the median of the others.
 */
export async function trainAgainst(
  setting: Setting,
  row: Row,
  ours: { data: BenchData; model?: string },
  peer: TorchPeer,
): Promise<Row> {
  needPeer(peer.script, peer.packages)
  const epochs = await ownEpochs(setting, ours)
  const peerRun = (n: number): Promise<PeerResult> =>
    runPeer(peer.script, peer.mode, ours.data, { ...peer.flags, epochs: n })
  const peerEpochs = setting.quick
    ? FEWEST_EPOCHS
    : epochsFor((await peerRun(2)).ms_per_epoch, TRAIN_SECONDS, MOST_PEER_EPOCHS)
  let note = ''
  const pairs = await interleaved(
    setting.pairs,
    async () => {
      const result = await train(setting, { ...ours, epochs })
      note = `${result.backend} on ${threadsText(result.threads)}`
      return result.ms_per_epoch
    },
    async () => (await peerRun(peerEpochs)).ms_per_epoch,
  )
  return { ...row, ...compare(pairs, 'less'), note }
}

const MOST_PEER_EPOCHS = 200
