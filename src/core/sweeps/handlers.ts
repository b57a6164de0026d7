import type { Handlers } from '../router'
import type { Sweeps } from './sweeps'

type SweepHandlers = Pick<Handlers, Extract<keyof Handlers, `sweeps.${string}`>>

export function sweepHandlers(sweeps: Sweeps): SweepHandlers {
  return {
    'sweeps.list': async () => sweeps.list(),
    'sweeps.get': async ({ name }) => sweeps.view(name),
    'sweeps.draft': async ({ origin }) => sweeps.draft(origin),
    'sweeps.files': async () => sweeps.files(),
    'sweeps.check': async ({ yaml, changes }) => sweeps.check(yaml, changes),
    'sweeps.plan': async ({ yaml, ticket }) => sweeps.plan(yaml, ticket),
    'sweeps.forget': async ({ ticket }) => {
      sweeps.forget(ticket)
      return {}
    },
    'sweeps.start': async ({ yaml, cluster }) => sweeps.start(yaml, cluster),
    'sweeps.stop': async ({ name }) => {
      sweeps.stop(name)
      return {}
    },
    'sweeps.pause': async ({ name }) => {
      sweeps.pause(name)
      return {}
    },
    'sweeps.resume': async ({ name }) => {
      sweeps.resume(name)
      return {}
    },
    'sweeps.addTrials': async (more) => {
      sweeps.addTrials(more)
      return {}
    },
    'sweeps.promote': async (what) => sweeps.promote(what),
  }
}
