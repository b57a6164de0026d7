import { expect, test } from 'vitest'
import { meaningOf, slurmWordsOf } from './slurmWords'

test('a task that waits or has ended for a reason that Slurm names is told by that name alone', () => {
  expect(meaningOf('PENDING (Resources)')).toBe('It waits for free nodes.')
  expect(meaningOf('PENDING (ReqNodeNotAvail, UnavailableNodes:n3)')).toContain('not available')
  expect(meaningOf('FAILED (BadConstraints)')).toContain('another partition')
  expect(meaningOf('OUT_OF_MEMORY on n1')).toContain('`memory`')
  expect(meaningOf('TIMEOUT on n1 (TimeLimit)')).toContain('`time`')
  for (const text of ['RUNNING on n2', 'FAILED on n1 (NonZeroExitCode)', 'COMPLETED', '', 'something new'])
    expect(meaningOf(text)).toBeUndefined()
  expect(slurmWordsOf('RUNNING on n2')).toEqual({ state: 'RUNNING', reason: '', node: 'n2' })
})
