/** Slurm's words for how a task stands, and what its commonest ones mean to whoever waits for it. */

/** Why a task waits (job reason codes of `man squeue`). */
const WAITS: Readonly<Record<string, string>> = {
  Resources: 'It waits for free nodes.',
  Priority: 'Others are before it.',
  JobArrayTaskLimit: 'As many run at once as the profile allows.',
  JobHeldUser: 'It is held: the sweep is paused.',
  JobHeldAdmin: 'The site holds it.',
  BeginTime: 'It was requeued and begins again soon.',
  Dependency: 'It waits for another job.',
  PartitionTimeLimit: 'Its time limit is more than the partition allows: change the profile.',
  ReqNodeNotAvail: 'Nodes that it needs are not available.',
}

/** How a task has ended (job state codes), where that says what to do; a reason in brackets says more than its state. */
const ENDS: Readonly<Record<string, string>> = {
  BadConstraints:
    'No node has what the profile asks for: ask for fewer gpus or cpus, less memory, or another partition.',
  OUT_OF_MEMORY: 'It needed more than the profile’s `memory`.',
  TIMEOUT: 'It took longer than the profile’s `time`; its last checkpoint is kept.',
  NODE_FAIL: 'Its node was lost; its last checkpoint is kept.',
  PREEMPTED: 'Another job took its place; its last checkpoint is kept.',
}

/** A task's text in its parts: `PENDING (Resources)`, `RUNNING on n1`. */
export function slurmWordsOf(text: string): { state: string; reason: string; node: string } {
  const [, state = '', , node = '', , reason = ''] = /^(\S*)( on (\S+))?( \((.*)\))?$/.exec(text) ?? ['', text]
  return { state, reason, node }
}

/** What a task's text means; undefined where it says all that is known. */
export function meaningOf(text: string): string | undefined {
  const { state, reason } = slurmWordsOf(text)
  // Some reasons name nodes after a comma.
  const code = /^\w+/.exec(reason)?.[0] ?? ''
  return WAITS[code] ?? ENDS[code] ?? ENDS[state]
}
