import path from 'node:path'
import { requests, type RequestInput, type RequestOutput, type Route } from '../../shared/api/requests'
import { AppError } from '../../shared/errors'
import { createCore, type Core } from '../createCore'
import { childProcessSpawner } from '../engine/childProcessSpawner'
import { ENGINE, ROOT } from './workspace'

/** For tests: a core whose runs and history lie in `cwd`. */
export function coreIn(cwd: string): Core {
  return createCore({
    ...{ logDir: path.join(cwd, 'logs'), dataDir: path.join(cwd, 'data'), spawner: childProcessSpawner(ENGINE) },
    roots: { cwd, installed: ROOT },
  })
}

/** @throws AppError what the core refuses */
export async function askCore<R extends Route>(
  core: Core,
  route: R,
  input: RequestInput<R>,
): Promise<RequestOutput<R>> {
  const reply = await core.request(route, input)
  if (!reply.ok) throw AppError.fromJSON(reply.error)
  return requests[route].output.parse(reply.data) as RequestOutput<R>
}
