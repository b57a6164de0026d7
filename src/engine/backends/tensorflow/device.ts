import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { CardUse } from '../../../shared/api/engineProtocol'

/** How long NVIDIA's driver may take to answer: it wakes a sleeping card first. */
const ASK_MS = 5_000

/** A graphics card as NVIDIA's driver lists it. */
export interface GraphicsCard {
  name: string
  /** MiB. */
  memory: number
  /** MiB that no process has taken. */
  free: number
}

/**
 * The flag that names the card which TensorFlow takes: the first of those that `CUDA_VISIBLE_DEVICES` leaves. Undefined where it hides
 * them all.
 */
function chosenCard({ CUDA_VISIBLE_DEVICES: visible = '0' }: NodeJS.ProcessEnv): string[] | undefined {
  const [first = ''] = visible.split(',')
  return first.trim() === '' || first.trim() === '-1' ? undefined : ['--id', first.trim()]
}

/** The card that TensorFlow takes. Undefined without NVIDIA's driver. */
export function graphicsCard(env: NodeJS.ProcessEnv = process.env): GraphicsCard | undefined {
  const chosen = chosenCard(env)
  if (!chosen) return undefined
  const query = ['--query-gpu=name,memory.total,memory.free', '--format=csv,noheader,nounits']
  const asked = spawnSync('nvidia-smi', [...query, ...chosen], { env, encoding: 'utf8', timeout: ASK_MS })
  const [line = ''] = (asked.status === 0 ? asked.stdout : '').split('\n')
  const [name, memory, free] = line.split(', ')
  return name === undefined || memory === undefined || free === undefined
    ? undefined
    : { name, memory: Number(memory), free: Number(free) }
}

/**
 * MiB of a card's free memory that TensorFlow is not to touch, so that it takes at most so much. Its C interface knows no limit, but leaves
 * alone what `TF_DEVICE_MIN_SYS_MEMORY_IN_MB` says and takes the rest as it needs it.
 *
 * @param most GiB
 */
export function leftAlone({ free }: GraphicsCard, most: number): string {
  return String(Math.max(0, Math.ceil(free - 1024 * most)))
}

/** What a card is doing, asked once a second of NVIDIA's own program, which keeps running so that asking costs nothing. */
export interface CardWatch {
  /** Undefined until the driver has answered, and where it does not. */
  latest(this: void): CardUse | undefined
  stop(): void
}

const LOOK_EVERY_MS = 1_000
const MIB = 2 ** 20

export function watchCard(env: NodeJS.ProcessEnv = process.env): CardWatch {
  let latest: CardUse | undefined
  const fields = 'utilization.gpu,memory.used,memory.total,temperature.gpu'
  const query = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits', `--loop-ms=${LOOK_EVERY_MS}`]
  const child = spawn('nvidia-smi', [...query, ...(chosenCard(env) ?? [])], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // A machine without the driver trains all the same.
  child.on('error', () => {})
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [utilisation, used, total, temperature] = line.split(', ').map(Number)
    // A driver says [N/A] of what a card does not measure.
    if (utilisation === undefined || used === undefined || total === undefined || temperature === undefined) return
    if (![utilisation, used, total, temperature].every(Number.isFinite)) return
    latest = { utilisation, memoryBytes: used * MIB, memoryTotalBytes: total * MIB, temperature }
  })
  return { latest: () => latest, stop: () => void child.kill() }
}
