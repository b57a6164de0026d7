import { describe, expect, test } from 'vitest'
import type { Row } from './question'
import { figure, quantity, ratioText, table, verdict } from './report'

const ratio = (median: number): Row['ratio'] => ({ median, min: median / 2, max: median * 2, n: 5 })
const against = (median: number): Row => ({
  what: 'epoch',
  unit: 'ms',
  peerName: 'torch loop',
  ours: 2,
  peer: 2 * median,
  ratio: ratio(median),
  target: { of: 'ratio', atLeast: 3 },
})

describe('a verdict', () => {
  test('calls a missing peer beaten', () => {
    expect(verdict({ ...against(9), missing: 'no Python' })).toBe('missing')
    expect(verdict({ what: 'epoch', unit: 'ms', target: { of: 'ratio', atLeast: 0 } })).toBe('missing')
    expect(verdict({ what: 'epoch', unit: 'ms', ours: 1, target: { of: 'ratio', atLeast: 0 } })).toBe('missing')
  })

  test('calls a figure that is no number reached, or a question that threw missing', () => {
    expect(verdict({ what: 'epoch', unit: 's', ours: NaN, target: { of: 'ours', atMost: 1 } })).toBe('missing')
    expect(verdict({ what: 'epoch', unit: 's', missing: 'it threw', failed: true })).toBe('failed')
  })

  test('judges the wrong figure, or lets the limit itself fail', () => {
    expect(verdict(against(3))).toBe('yes')
    expect(verdict(against(2.99))).toBe('no')
    expect(verdict({ what: 'start', unit: 's', ours: 0.7, target: { of: 'ours', atMost: 0.7 } })).toBe('yes')
    expect(verdict({ what: 'start', unit: 's', ours: 0.71, target: { of: 'ours', atMost: 0.7 } })).toBe('no')
  })

  test('judges where there is no target', () => {
    expect(verdict({ what: 'read', unit: 'GB/s', ours: 20 })).toBe('–')
  })
})

describe('figures', () => {
  test('lose their size or gain digits', () => {
    expect([0, 0.012345, 1.5, 12.34, 99.96, 123.4, 1_234_567].map(figure)).toEqual([
      '0',
      '0.0123',
      '1.50',
      '12.3',
      '100.0',
      '123',
      '1,234,567',
    ])
    expect(quantity(418e6, 'bytes')).toBe('418 MB')
    expect(quantity(1.2e6, '1/s')).toBe('1,200,000/s')
    expect(quantity(0.98, 'exponent')).toBe('x^0.980')
    expect(ratioText({ median: 3, min: 2, max: 4, n: 5 })).toBe('3.00× [2.00–4.00] (n=5)')
  })
})

describe('the table', () => {
  const rows: Row[] = [
    { ...against(12.5), note: 'fused on 2 threads' },
    { what: 'seeds', unit: 'ms', missing: 'no --seeds', target: { of: 'ratio', atLeast: 0.6 } },
  ]
  const lines = table(rows).split('\n')

  test('drops a row, its target or what came of it', () => {
    expect(lines[0]).toMatch(/^question +ours +peer +ratio median \[range\] +target +reached$/)
    expect(lines[2]).toMatch(/^epoch \| torch loop +2\.00 ms +25\.0 ms +12\.5× \[6\.25–25\.0\] \(n=5\) +≥ 3\.00× +yes$/)
    expect(lines[3]).toMatch(/^seeds +≥ 0\.600× +missing$/)
  })

  test('hides why something is missing', () => {
    expect(lines.slice(4)).toEqual(['', '  epoch | torch loop: fused on 2 threads', '  seeds: no --seeds'])
  })
})
