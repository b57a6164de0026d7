import path from 'node:path'
import type { Cluster } from '../../shared/domain/cluster'
import type { ClusterAnswer } from '../../shared/domain/clusters'
import { AppError } from '../../shared/errors'
import { ClusterShell } from './clusterShell'

/** Of each command: longer than ssh takes to give up, and than a controller that is away lets its commands hang. */
const PATIENCE_MS = 20_000

/** Partition (the site's own one has a star), nodes, their state. */
const SINFO_FORMAT = '%P|%D|%t'

interface Question {
  what: string
  argv: readonly string[]
  fix: string
  /** What its answer means; `problem` where it answers, but not as it should. */
  told: (text: string) => { text: string; problem?: string }
  /** Without it nothing else is asked. */
  first?: true
}

/**
 * Asks a cluster, over its profile's own way, for what a sweep on it needs. Nothing is changed there; each command has a time limit, and the
 * first that cannot be run ends it.
 *
 * @param starter what starts this program where the profile does not say
 */
export async function lookAtCluster(
  cluster: Cluster,
  starter: readonly string[] | undefined,
  shell: Pick<ClusterShell, 'run'> = new ClusterShell(cluster, PATIENCE_MS),
): Promise<ClusterAnswer[]> {
  const answers: ClusterAnswer[] = []
  for (const { what, argv, fix, told, first } of questionsOf(cluster, starter)) {
    try {
      const { text, problem } = told((await shell.run(argv)).trim())
      answers.push({ what, works: problem === undefined, text: problem ?? text, ...(problem !== undefined && { fix }) })
    } catch (thrown) {
      const { message, details } = AppError.from(thrown)
      answers.push({ what, works: false, text: message, fix: details.fix ?? fix })
      if (first) break
    }
  }
  return answers
}

function questionsOf(cluster: Cluster, starter: readonly string[] | undefined): Question[] {
  const { host, remote_dir, delta = starter } = cluster
  const there = host ?? 'this machine'
  return [
    {
      what: `sbatch on ${there}`,
      argv: ['sbatch', '--version'],
      fix: 'Name a machine of the cluster by host.',
      told: (text) => ({ text: lineOf(text) }),
      first: true,
    },
    {
      what: cluster.partition === undefined ? 'Its nodes' : `Nodes of ${cluster.partition}`,
      argv: ['sinfo', '-h', '-o', SINFO_FORMAT],
      fix: 'Take one of those, or none for the site’s own.',
      told: (text) => nodesOf(text, cluster.partition),
    },
    ...(delta === undefined
      ? []
      : [
          {
            what: 'Delta there',
            argv: [...delta, '--version'],
            fix:
              host === undefined
                ? 'Run npm run build in its folder.'
                : `Install it on ${host} as docs/cluster.md says, and name by delta what starts it.`,
            told: (text: string) => ({ text: `version ${lineOf(text)}` }),
          },
        ]),
    ...(remote_dir === undefined
      ? []
      : [
          {
            what: 'rsync there',
            argv: ['rsync', '--version'],
            fix: 'rsync must be installed on both machines.',
            told: (text: string) => ({ text: lineOf(text).slice(0, 60) }),
          },
          {
            what: 'Folder there',
            argv: ['test', '-w', path.posix.dirname(remote_dir)],
            fix: 'Take one in which you may write.',
            told: () => ({ text: `${path.posix.dirname(remote_dir)} can be written` }),
          },
        ]),
  ]
}

/** How many nodes each partition has, and how many of those are idle. */
export function nodesOf(text: string, wanted: string | undefined): { text: string; problem?: string } {
  const partitions = new Map<string, { nodes: number; idle: number }>()
  for (const line of text.split('\n')) {
    const [name = '', count = '', state = ''] = line.trim().split('|')
    const key = name.replace(/\*$/, '')
    if (key === '' || !/^\d+$/.test(count)) continue
    const { nodes, idle } = partitions.get(key) ?? { nodes: 0, idle: 0 }
    // A state with a sign behind it is not what it says: * does not answer, ~ sleeps.
    partitions.set(key, { nodes: nodes + Number(count), idle: idle + (state === 'idle' ? Number(count) : 0) })
  }
  const names = [...partitions.keys()]
  if (names.length === 0) return { text: '', problem: 'Slurm answers, but has no nodes' }
  if (wanted !== undefined && !wanted.split(',').every((one) => partitions.has(one)))
    return { text: '', problem: `There is no partition ${wanted}. There are ${names.slice(0, 20).join(', ')}` }
  const shown = [...partitions].filter(([name]) => wanted === undefined || wanted.split(',').includes(name))
  return {
    text: shown
      .slice(0, 8)
      .map(([name, { nodes, idle }]) => `${name}: ${nodes} ${nodes === 1 ? 'node' : 'nodes'}, ${idle} idle`)
      .join('; '),
  }
}

const lineOf = (text: string): string => text.split('\n')[0]?.slice(0, 200) ?? ''
