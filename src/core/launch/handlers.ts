import fs from 'node:fs'
import path from 'node:path'
import type { ConfigRoots } from '../config/resolveExperiment'
import type { EngineSpawner } from '../engine/spawner'
import type { Handlers } from '../router'
import { readClusterText, withClusterChanges } from './clusterDocument'
import { lookAtCluster } from './lookAtCluster'
import type { ClusterProfiles } from './profiles'

type ClusterHandlers = Pick<Handlers, Extract<keyof Handlers, `clusters.${string}`>>

export interface ClusterHandlersContext {
  profiles: ClusterProfiles
  roots: ConfigRoots
  spawner: EngineSpawner
}

export function clusterHandlers({ profiles, roots, spawner }: ClusterHandlersContext): ClusterHandlers {
  return {
    'clusters.list': async () => ({ profiles: profiles.list() }),
    'clusters.get': async ({ name }) => ({ yaml: profiles.text(name) }),
    'clusters.draft': async () => ({ yaml: exampleIn(roots.installed) }),
    'clusters.check': async ({ yaml, changes }) => {
      const text = withClusterChanges(yaml, changes)
      const { readable, values, problems } = readClusterText(text)
      return { yaml: text, readable, values, problems }
    },
    'clusters.save': async ({ name, yaml, former }) => ({ kept: await profiles.save(name, yaml, former) }),
    'clusters.copy': async ({ name }) => ({ name: profiles.copy(name) }),
    'clusters.delete': async ({ name }) => {
      profiles.delete(name)
      return {}
    },
    'clusters.look': async ({ name }) => ({ answers: await lookAtCluster(profiles.cluster(name), spawner.starter) }),
  }
}

function exampleIn(installed: string): string {
  try {
    return fs.readFileSync(path.join(installed, 'configs', 'clusters', 'slurm.yaml'), 'utf8')
  } catch {
    return 'launcher: slurm\n'
  }
}
