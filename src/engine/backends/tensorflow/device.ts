import { spawnSync } from 'node:child_process'

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

/** The card that TensorFlow takes: the first of those that `CUDA_VISIBLE_DEVICES` leaves. Undefined without NVIDIA's driver. */
export function graphicsCard(env: NodeJS.ProcessEnv = process.env): GraphicsCard | undefined {
  const [chosen] = (env['CUDA_VISIBLE_DEVICES'] ?? '').split(',')
  const which = chosen ? ['--id', chosen] : []
  const query = ['--query-gpu=name,memory.total,memory.free', '--format=csv,noheader,nounits']
  const asked = spawnSync('nvidia-smi', [...query, ...which], { encoding: 'utf8', timeout: ASK_MS })
  const [line = ''] = (asked.status === 0 ? asked.stdout : '').split('\n')
  const [name, memory, free] = line.split(', ')
  return name === undefined || memory === undefined || free === undefined
    ? undefined
    : { name, memory: Number(memory), free: Number(free) }
}
