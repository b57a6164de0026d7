import type { Command } from 'commander'

type AddVerb = (program: Command, exit: (code: number) => void) => void

/** Each is read when it is asked for: a person waits for what the others need as well. */
const VERBS: Record<string, () => Promise<AddVerb>> = {
  adapt: async () => (await import('./adapt')).addAdapt,
  eval: async () => (await import('./eval')).addEval,
  predict: async () => (await import('./predict')).addPredict,
  data: async () => (await import('./data')).addData,
  runs: async () => (await import('./runs/program')).addRuns,
  backends: async () => (await import('./backends')).addBackends,
  serve: async () => (await import('./serve')).addServe,
  sweep: async () => (await import('./sweep')).addSweep,
}

/** Everything but `train`: the verb that is `asked` for, or all of them where it is none of these, to be listed or suggested. */
export async function addVerbs(
  program: Command,
  asked: string | undefined,
  exit: (code: number) => void,
): Promise<void> {
  const known = asked === undefined ? undefined : Object.entries(VERBS).find(([name]) => name === asked)
  for (const [, read] of known ? [known] : Object.entries(VERBS)) (await read())(program, exit)
}
