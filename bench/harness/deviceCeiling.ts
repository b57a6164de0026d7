import path from 'node:path'
import { z } from 'zod'
import { lastObject, lastWords, runProgram } from './processes'
import { ROOT } from './root'

const ceilingSchema = z.object({ multiplyAdds: z.number().positive(), bytes: z.number().positive() })
/** Of TensorFlow's device: multiply-adds, and bytes read, a second. */
export type DeviceCeiling = z.infer<typeof ceilingSchema>

const START_SECONDS = 120

/** Measured by a process of its own, so that a card's memory is free again for what is compared with it. */
export async function deviceCeiling(seconds: number): Promise<DeviceCeiling> {
  const file = path.join(ROOT, 'out', 'bench', 'deviceCeiling.js')
  const ran = await runProgram(process.execPath, [file, String(seconds)], { seconds: START_SECONDS + 4 * seconds })
  if (ran.code !== 0) throw new Error(`the device's ceiling could not be measured: ${lastWords(ran.stderr)}`)
  return ceilingSchema.parse(lastObject(ran.stdout))
}
