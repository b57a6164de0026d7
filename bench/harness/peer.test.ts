import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { orMissing } from './ask'
import { needPeer, PEER_SCRIPTS, pythonLacks } from './peer'
import { verdict } from './report'

const NO_PYTHON = '/nonexistent/python3'
const python = 'python3'
const hasPython = spawnSync(python, ['--version']).status === 0

describe('a peer', () => {
  test('without Python counts as beaten, or fails the question', async () => {
    const row = { what: 'epoch', unit: 'ms', peerName: 'torch loop', target: { of: 'ratio', atLeast: 3 } as const }
    const answer = await orMissing(row, async () => {
      needPeer(PEER_SCRIPTS.models, ['torch'], NO_PYTHON)
      return { ...row, ours: 1, peer: 100, ratio: { median: 100, min: 100, max: 100, n: 1 } }
    })
    expect(answer.missing).toContain(NO_PYTHON)
    expect(answer).not.toHaveProperty('ratio')
    expect(verdict(answer)).toBe('missing')
  })

  test('whose script is absent counts as beaten', async () => {
    const answer = await orMissing({ what: 'epoch', unit: 'ms' }, async () => {
      needPeer('/nonexistent/peer.py', [])
      return { what: 'epoch', unit: 'ms', ours: 1 }
    })
    expect(verdict(answer)).toBe('missing')
  })

  test.skipIf(!hasPython)(
    'is run without a package it needs, or refused one that is there',
    () => {
      expect(pythonLacks(python, ['json'])).toBeUndefined()
      expect(pythonLacks(python, ['json', 'no_such_package_of_ours'])).toBe(
        'Python package missing: no_such_package_of_ours',
      )
      // Python starts slowly on a busy machine.
    },
    60_000,
  )

  test('that breaks is taken for one that is missing', async () => {
    const answer = await orMissing({ what: 'epoch', unit: 'ms' }, () => Promise.reject(new Error('it broke')))
    expect(answer).toMatchObject({ missing: 'it broke', failed: true })
    expect(verdict(answer)).toBe('failed')
  })
})
