import { useRouter } from 'vue-router'
import type { RequestInput, Route } from '../../shared/api/requests'
import { isActive, type RunStatus } from '../../shared/domain/lifecycle'
import type { RunRow } from '../../shared/domain/runTable'
import { client } from '../api/client'
import { queryOf } from '../compare/place'
import { useRuns } from '../stores/runs'
import { useWorkspace } from '../stores/workspace'
import { formatBytes } from './format'

type Target = Pick<RunRow, 'id' | 'status'>

export const canStop = ({ status }: { status: RunStatus }): boolean =>
  status === 'queued' || status === 'starting' || status === 'running'
export const canResume = ({ status }: { status: RunStatus }): boolean =>
  status === 'stopped' || status === 'failed' || status === 'crashed' || status === 'interrupted'
export const canDelete = ({ status }: { status: RunStatus }): boolean => !isActive(status)

/** What can be done with runs, one or many; every error is reported, and the others still have their turn. */
export function useRunActions() {
  const workspace = useWorkspace()
  const runs = useRuns()
  const router = useRouter()

  async function each<R extends Route>(route: R, inputs: readonly RequestInput<R>[]): Promise<number> {
    let done = 0
    for (const input of inputs) {
      try {
        await client.request(route, input)
        done++
      } catch (error) {
        workspace.report(error)
      }
    }
    return done
  }

  const count = (n: number): string => (n === 1 ? '1 run' : `${n} runs`)
  const idsOf = (targets: readonly Target[]): { id: string }[] => targets.map(({ id }) => ({ id }))

  async function stop(targets: readonly Target[]): Promise<void> {
    await each('runs.stop', idsOf(targets.filter(canStop)))
  }

  async function resume(targets: readonly Target[]): Promise<void> {
    const able = targets.filter(canResume)
    // One is wanted now; many wait for each other.
    const place = able.length === 1 ? ('now' as const) : ('end' as const)
    await each(
      'runs.resume',
      idsOf(able).map((one) => ({ ...one, place })),
    )
  }

  /** The same experiment again, as a new run at the end of the queue. */
  async function queueAgain(targets: readonly Target[]): Promise<void> {
    const done = await each('runs.clone', idsOf(targets))
    if (done > 0) workspace.tell(`${count(done)} queued`)
  }

  async function star(targets: readonly Target[], starred: boolean): Promise<void> {
    for (const { id } of targets) runs.patch(id, { starred })
    await each(
      'runs.annotate',
      targets.map(({ id }) => ({ id, starred })),
    )
  }

  async function tag(targets: readonly Target[], addTags: string[], removeTags: string[]): Promise<void> {
    await each(
      'runs.annotate',
      targets.map(({ id }) => ({ id, addTags, removeTags })),
    )
  }

  async function remove(targets: readonly Target[]): Promise<void> {
    const able = targets.filter(canDelete)
    const done = await each('runs.delete', idsOf(able))
    if (done > 0) workspace.tell(`${count(done)} moved to the trash`, { label: 'Undo', run: () => void restore(able) })
  }

  async function restore(targets: readonly Target[]): Promise<void> {
    const done = await each('runs.restore', idsOf(targets))
    if (done > 0) workspace.tell(`${count(done)} restored`)
  }

  /** For good. */
  async function purge(targets: readonly Target[]): Promise<void> {
    let bytes = 0
    let done = 0
    for (const { id } of targets) {
      try {
        bytes += (await client.request('runs.purge', { id })).bytes
        done++
      } catch (error) {
        workspace.report(error)
      }
    }
    if (done > 0) workspace.tell(`${count(done)} deleted for good, ${formatBytes(bytes)} freed`)
  }

  async function reveal(dir: string): Promise<void> {
    try {
      await client.request('files.reveal', { path: dir })
    } catch (error) {
      workspace.report(error)
    }
  }

  function open({ id }: Pick<Target, 'id'>): void {
    void router.push({ name: 'run', params: { id } })
  }

  /** A new experiment that begins with this run's configuration. */
  function change({ id }: Pick<Target, 'id'>): void {
    void router.push({ name: 'new', query: { from: id } })
  }

  /** The first one is the reference. */
  function compare(targets: readonly Pick<Target, 'id'>[]): void {
    if (targets.length > 0) void router.push({ name: 'compare', query: queryOf({ runs: targets.map(({ id }) => id) }) })
  }

  return { stop, resume, queueAgain, star, tag, remove, restore, purge, reveal, open, change, compare }
}
