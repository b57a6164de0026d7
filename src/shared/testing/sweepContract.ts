import type { Case, Door } from './contract'

/** The sweeps of a door, from the first text to the best run; one that is stopped goes on. */
export async function checkSweeps(
  door: Door,
  check: (cases: readonly Case[]) => Promise<void>,
  dataConfig: string,
): Promise<string[]> {
  const sweep = (name: string, epochs: number): string => `method: random
parameters: { trainer.learning_rate: { min: 0.001, max: 0.1, scale: log } }
base: { dts_name: small, dts_config_file: ${JSON.stringify(dataConfig)}, exp_name: ${name}, trainer: { max_epochs: ${epochs} } }
budget: { trials: 2 }
`
  const [short, long] = [sweep('short-sweep', 2), sweep('long-sweep', 10_000_000)]
  const named = { name: 'long-sweep' }
  const findings: string[] = []
  const until = async (name: string, wanted: string): Promise<void> => {
    const end = Date.now() + WAIT_MS
    let state = ''
    while (state !== wanted && Date.now() < end) {
      await door.pause(100)
      const reply = await door.ask('sweeps.get', { name })
      const { status, counts } = Object(reply.ok ? Object(reply.data).sweep : {})
      state = status === 'running' && Object(counts).running > 0 ? 'training' : status
    }
    if (state !== wanted) findings.push(`the sweep ${name} is ${state}, not ${wanted}`)
  }

  await check([
    { title: 'lists no sweeps', route: 'sweeps.list', input: () => ({}) },
    { title: 'lists sweep files', route: 'sweeps.files', input: () => ({}) },
    {
      title: 'drafts a sweep over an experiment',
      route: 'sweeps.draft',
      input: () => ({ origin: { kind: 'experiment', yaml: 'dts_name: small\n' } }),
      check: ({ yaml }) => (String(yaml).endsWith('base:\n  dts_name: small\n') ? undefined : 'another base'),
    },
    {
      title: 'counts its trials',
      route: 'sweeps.check',
      input: () => ({ yaml: short, changes: { seeds: '0..2', 'budget.trials': 6 } }),
      check: ({ plan }) => (Object(plan).trials === 6 ? undefined : 'not 6 trials'),
    },
    { title: 'measures it', route: 'sweeps.plan', input: () => ({ yaml: short, ticket: 'contract' }) },
    { title: 'measures no more', route: 'sweeps.forget', input: () => ({ ticket: 'contract' }) },
    {
      title: 'starts one on a data configuration from anywhere',
      route: 'sweeps.start',
      input: () => ({ yaml: short.replace(JSON.stringify(dataConfig), '/etc/passwd') }),
      error: 'config_invalid',
    },
    ...['sweeps.get', 'sweeps.stop', 'sweeps.pause', 'sweeps.resume'].flatMap((route) => [
      { title: 'leaves the log folder', route, input: () => ({ name: '../configs' }), error: 'usage' as const },
      { title: 'finds one that is not there', route, input: () => ({ name: 'nothing' }), error: 'not_found' as const },
    ]),
    { title: 'starts it', route: 'sweeps.start', input: () => ({ yaml: short }) },
  ])
  await until('short-sweep', 'finished')
  await check([
    {
      title: 'tells of its trials',
      route: 'sweeps.get',
      input: () => ({ name: 'short-sweep' }),
      check: ({ trials, ranking }) =>
        Array.isArray(trials) && trials.length === 2 && Array.isArray(ranking) && ranking.length === 2
          ? undefined
          : 'not two points',
    },
    {
      title: 'promotes the best',
      route: 'sweeps.promote',
      input: () => ({ name: 'short-sweep', exp_name: 'best-of-sweep' }),
    },
    { title: 'adds trials', route: 'sweeps.addTrials', input: () => ({ name: 'short-sweep', trials: 3 }) },
    { title: 'starts a long one', route: 'sweeps.start', input: () => ({ yaml: long }) },
  ])
  await until('short-sweep', 'finished')
  await until('long-sweep', 'training')
  await check([{ title: 'pauses it', route: 'sweeps.pause', input: () => named }])
  await until('long-sweep', 'paused')
  await check([{ title: 'goes on with it', route: 'sweeps.resume', input: () => named }])
  await until('long-sweep', 'training')
  await check([{ title: 'stops it again', route: 'sweeps.stop', input: () => named }])
  await until('long-sweep', 'stopped')
  if (!(await door.events()).some(({ event }) => event === 'sweeps.changed'))
    findings.push('sweeps.changed told nothing')
  return findings
}

/** For a start, a stop with its checkpoints, or a short sweep, on a busy machine. */
const WAIT_MS = 120_000
