import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { BenchData } from './data'
import { Missing } from './missing'
import { lastObject, lastWords, runProgram } from './processes'
import { ROOT, SHARED } from './root'

export const PYTHON = process.env['DELTA_PYTHON'] ?? 'python3'

/** What a researcher runs today, and the plain loops of the two models that it does not have. */
export const PEER_SCRIPTS = {
  caimira: path.join(SHARED, 'bench', 'peer_torch.py'),
  models: path.join(ROOT, 'bench', 'peers', 'torch_models.py'),
}
/** A process of the slowest mode on the largest data takes a few minutes. */
const PEER_SECONDS = 900

const MISSING_OF = `
import importlib.util as u, sys
print("\\n".join(p for p in sys.argv[1:] if u.find_spec(p) is None))
`

/** Why this Python cannot run the peers; undefined where it can. */
export function pythonLacks(python: string, packages: readonly string[]): string | undefined {
  const asked = spawnSync(python, ['-c', MISSING_OF, ...packages], { encoding: 'utf8' })
  if (asked.error || asked.status !== 0) return `no Python: ${python} does not start (DELTA_PYTHON names another)`
  const lacking = asked.stdout.trim().split('\n').filter(Boolean)
  return lacking.length === 0 ? undefined : `Python package missing: ${lacking.join(', ')}`
}

/** @throws Missing where the peer cannot run here */
export function needPeer(script: string, packages: readonly string[], python = PYTHON): void {
  if (!existsSync(script)) throw new Missing(`the peer is missing: ${path.relative(ROOT, script)}`)
  const reason = pythonLacks(python, packages)
  if (reason !== undefined) throw new Missing(reason)
}

const peerResult = z.object({ ms_per_epoch: z.number().positive(), loss: z.number(), threads: z.int() })
export type PeerResult = z.infer<typeof peerResult>

/** One fresh process of a peer. `args` are its mode and flags; the data's files are put where both scripts want them. */
export async function runPeer(
  script: string,
  mode: string,
  data: BenchData,
  flags: Readonly<Record<string, string | number>>,
): Promise<PeerResult> {
  const options = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
  const ran = await runProgram(PYTHON, [script, mode, data.frame, data.vectors, ...options], { seconds: PEER_SECONDS })
  if (ran.timedOut) throw new Error(`${mode} did not end within ${PEER_SECONDS} s`)
  if (ran.code !== 0) throw new Error(`${mode} failed: ${lastWords(ran.stderr)}`)
  return peerResult.parse(lastObject(ran.stdout))
}
